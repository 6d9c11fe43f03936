"""The sample service is importable from here."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from common.database import Database

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def database(make_test_database: Callable[[str], Database]) -> Database:
    return make_test_database("sample")
