"""One place that all wrong requests are sent to."""

from collections.abc import Iterator

import pytest

from attune_local.stack import Stack
from tests.integration.bad_input.databases import Databases
from tests.integration.bad_input.place import Place


@pytest.fixture(scope="package")
def place(stack: Stack) -> Place:
    """Two practices with a resource of every kind."""
    return Place.make(stack)


@pytest.fixture(scope="package")
def databases(place: Place) -> Iterator[Databases]:
    """The databases of all services, for comparing the place's rows."""
    names = [str(place.values[name]) for name in ("username", "limited", "their_username")]
    found = Databases(place.world.stack, place.practices, names)
    found.settle()
    yield found
    found.close()
