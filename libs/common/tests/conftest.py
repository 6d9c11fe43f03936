"""The database of the sample service."""

from collections.abc import Callable

import pytest

from common.db.database import Database


@pytest.fixture(scope="session")
def database(make_test_database: Callable[[str], Database]) -> Database:
    return make_test_database("sample")
