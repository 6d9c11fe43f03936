"""When a client may cancel (spec CN-2)."""

from datetime import datetime, timedelta

import pytest

from attune_testing.clock import utc
from booking.domain.cancellation import (
    CancellationNotAllowed,
    CancellationPolicy,
    CancellationRule,
    CancellationTooLate,
)
from booking.domain.status import Status, WrongStatus

pytestmark = pytest.mark.req("CN-2")

START = utc("2026-11-02 14:00")
LIMIT = utc("2026-11-01 14:00")
INSTANT = timedelta(microseconds=1)


def of(
    policy: CancellationPolicy,
    status: Status = Status.CONFIRMED,
    late: int = 1440,
    requested: bool = False,
) -> CancellationRule:
    return CancellationRule(status, START, policy, late, requested)


@pytest.mark.parametrize("now", [LIMIT - timedelta(days=9), LIMIT - INSTANT, LIMIT])
def test_up_to_the_threshold_the_policy_decides(now: datetime) -> None:
    assert of(CancellationPolicy.ALLOWED).needs_approval(now) is False
    assert of(CancellationPolicy.APPROVAL).needs_approval(now) is True
    with pytest.raises(CancellationNotAllowed):
        of(CancellationPolicy.NOT_ALLOWED).needs_approval(now)
    assert [of(policy).allows(now) for policy in CancellationPolicy] == [True, True, False]


@pytest.mark.parametrize("now", [LIMIT + INSTANT, START, START + timedelta(days=1)])
@pytest.mark.parametrize("policy", [CancellationPolicy.ALLOWED, CancellationPolicy.APPROVAL])
def test_inside_the_threshold_it_is_too_late_and_the_limit_is_named(
    policy: CancellationPolicy, now: datetime
) -> None:
    with pytest.raises(CancellationTooLate) as refused:
        of(policy).needs_approval(now)
    assert refused.value.message == "Online cancellation closed at 2026-11-01T14:00Z."
    assert refused.value.details == {"cancel_until_time": "2026-11-01T14:00Z"}
    assert not of(policy).allows(now)


def test_without_a_threshold_the_client_may_cancel_until_the_start() -> None:
    assert of(CancellationPolicy.ALLOWED, late=0).until == START
    assert of(CancellationPolicy.ALLOWED, late=0).allows(START)
    assert not of(CancellationPolicy.ALLOWED, late=0).allows(START + INSTANT)


@pytest.mark.parametrize("policy", list(CancellationPolicy))
def test_a_request_can_always_be_withdrawn(policy: CancellationPolicy) -> None:
    request = of(policy, Status.REQUESTED)
    assert request.until == START
    assert request.allows(START - INSTANT)
    assert request.needs_approval(START - INSTANT) is False


def test_who_waits_for_approval_need_not_ask_again() -> None:
    assert not of(CancellationPolicy.APPROVAL, requested=True).allows(LIMIT)


@pytest.mark.req("BK-9")
@pytest.mark.parametrize("status", sorted(set(Status) - {Status.REQUESTED, Status.CONFIRMED}))
def test_what_has_ended_or_begun_cannot_be_cancelled(status: Status) -> None:
    rule = of(CancellationPolicy.ALLOWED, status)
    assert rule.until is None
    assert not rule.allows(LIMIT)
    with pytest.raises(WrongStatus) as refused:
        rule.needs_approval(LIMIT)
    assert refused.value.details == {"present": status.value, "wanted": "cancelled"}
