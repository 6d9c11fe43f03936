"""Policies of practices and providers (spec AV-15, AV-16)."""

from functools import partial

import pytest

from attune.availability.v1 import availability_pb2 as av
from attune.availability.v1.policy_service_pb2 import (
    GetPoliciesResponse,
    ReplacePoliciesResponse,
)
from attune_testing.concurrency import at_once
from common.errors import (
    Invalid,
    Stale,
)
from services.availability.tests.availability_world import Practice
from services.availability.tests.servicer.calls import (
    DEFAULTS,
    get_policies,
    replace_policies,
)


@pytest.mark.req("AV-15", "AV-16")
def test_policies_are_replaced_for_the_practice_and_for_a_provider(practice: Practice) -> None:
    provider = practice.provider()
    assert get_policies(practice) == GetPoliciesResponse(
        policies=DEFAULTS, effective_policies=DEFAULTS, version=1
    )
    practices = av.Policies()
    practices.CopyFrom(DEFAULTS)
    practices.confirmation, practices.minimum_notice_minutes = av.CONFIRMATION_APPROVAL, 60
    saved = replace_policies(
        practice, 1, confirmation=av.CONFIRMATION_APPROVAL, minimum_notice_minutes=60
    )
    assert saved == ReplacePoliciesResponse(
        policies=practices, effective_policies=practices, version=2
    )
    replace_policies(practice, 1, provider.username, minimum_notice_minutes=0, hold_minutes=1)
    effective = av.Policies()
    effective.CopyFrom(practices)
    effective.minimum_notice_minutes, effective.hold_minutes = 0, 1
    assert get_policies(practice, provider.username) == GetPoliciesResponse(
        policies=av.Policies(minimum_notice_minutes=0, hold_minutes=1),
        effective_policies=effective,
        version=2,
    )
    replace_policies(practice, 2, provider.username)  # what is not named falls back
    assert get_policies(practice, provider.username).effective_policies == practices


@pytest.mark.req("AV-4", "AV-15")
def test_of_policies_saved_at_once_one_is_kept(practice: Practice) -> None:
    provider = practice.provider()
    for username in ("", provider.username):
        results = at_once(
            [
                partial(replace_policies, practice, 1, username, hold_minutes=number)
                for number in range(1, 7)
            ]
        )
        assert sum(isinstance(r, ReplacePoliciesResponse) for r in results) == 1
        assert sum(isinstance(r, Stale) for r in results) == 5


@pytest.mark.req("AV-15")
@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("minimum_notice_minutes", -1),
        ("minimum_notice_minutes", 365 * 24 * 60 + 1),
        ("maximum_advance_days", -1),
        ("maximum_advance_days", 2**31 - 1),
        ("late_cancellation_minutes", -(2**31)),
        ("hold_minutes", 0),
        ("hold_minutes", 61),
        ("confirmation", 0),
        ("confirmation", 99),
        ("client_cancellation", 99),
    ],
)
def test_policies_are_checked(practice: Practice, name: str, wrong: int) -> None:
    with pytest.raises(Invalid) as raised:
        replace_policies(practice, 1, "", **{name: wrong})
    assert raised.value.field == f"policies.{name}"
    assert get_policies(practice).version == 1
