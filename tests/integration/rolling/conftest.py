"""The stack that the tests of this folder share."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.rolling.pairs import TlsStack, pairs


@pytest.fixture(scope="package")
def paired() -> Iterator[TlsStack]:
    """Two replicas of everything, with TLS between them."""
    with tempfile.TemporaryDirectory(prefix="attune-pairs-") as folder, pairs(Path(folder)) as run:
        yield run
