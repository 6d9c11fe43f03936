"""Releases from the history, installed once."""

from pathlib import Path

import pytest

from tests.releases import history


@pytest.fixture(scope="package")
def last_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder for PYTHONPATH that has the packages of the last release."""
    return history.last().install(tmp_path_factory.mktemp("last-release"))
