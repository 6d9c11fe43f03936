"""Fixtures that the tests of the whole system share."""

import pytest

from attune_local.stack import Stack
from tests.world import World


@pytest.fixture
def world(stack: Stack) -> World:
    """A practice of the test's own, with one provider who can be booked."""
    return World.make(stack)
