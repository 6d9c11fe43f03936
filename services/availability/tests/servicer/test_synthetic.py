"""Synthetic practices, which exist only to test an Attune."""

import pytest

from attune.availability.v1.practice_service_pb2 import (
    CreatePracticeRequest,
    GetPracticeRequest,
    UpdatePracticeRequest,
)
from attune.availability.v1.provider_service_pb2 import GetProfileRequest
from attune_testing.identities import staff
from common import ids
from common.rpc.identity import VISITOR, acting_as
from services.availability.tests.availability_world import OPERATOR, Practice, Provider, World
from services.availability.tests.servicer.calls import new_practice

pytestmark = pytest.mark.req("PF-14")


def provider_of(world: World, *, synthetic: bool) -> Provider:
    """Return a provider of a new practice who can be booked."""
    practice = Practice(world)
    if synthetic:
        with acting_as(OPERATOR):
            wanted = new_practice(synthetic=True)
            made = world.rpc.CreatePractice(CreatePracticeRequest(practice=wanted)).practice
        practice.id = made.practice_id
        practice.owner = staff(practice.id)
    practice.service()
    return practice.provider()


@pytest.mark.parametrize("synthetic", [True, False])
def test_profile_and_terms_say_whether_a_practice_is_synthetic(
    world: World, synthetic: bool
) -> None:
    provider = provider_of(world, synthetic=synthetic)
    with acting_as(VISITOR):
        profile = world.rpc.GetProfile(GetProfileRequest(username=provider.username))
    assert profile.practice.synthetic is synthetic
    assert provider.check().terms.synthetic is synthetic


def test_a_practice_stays_synthetic(world: World) -> None:
    practice = provider_of(world, synthetic=True).practice
    with acting_as(practice.owner):
        request = UpdatePracticeRequest(name="Real Practice", request_id=ids.new().hex)
        assert world.rpc.UpdatePractice(request).practice.synthetic
        assert world.rpc.GetPractice(GetPracticeRequest()).practice.synthetic
