"""Attempts to book are counted by outcome, with the lead time of those that succeed."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from attune.availability.v1.availability_pb2 import CONFIRMATION_APPROVAL
from attune_testing.measurements import Measurements
from booking.servicer import attempts
from common.errors import Conflict, DomainError, Invalid, NotFound, Refused, Unreadable
from common.rpc.identity import VISITOR, acting_as
from services.booking.tests.booking_world import NINE, Both, Running
from services.booking.tests.servicer.test_creating import Practice, wish

pytestmark = pytest.mark.req("PF-12")


@contextmanager
def counting(measurements: Measurements, **expected: int) -> Iterator[None]:
    """Check how many attempts with each outcome the block makes."""
    before = counts(measurements)
    yield
    assert counts(measurements) - before == Counter(expected)


def counts(measurements: Measurements) -> Counter[str]:
    name = "attune.booking.attempts"
    return Counter({o: int(measurements.total(name, outcome=o)) for o in attempts.OUTCOMES})


def test_each_outcome_is_counted(both: Both, measurements: Measurements) -> None:
    practice = Practice(both)
    unknown = wish(practice)
    unknown.username = "nobody-has-this-name"
    with acting_as(VISITOR):
        with counting(measurements, confirmed=1):
            both.rpc.CreateBooking(wish(practice, NINE))
        with counting(measurements, conflict=1), pytest.raises(Conflict):
            both.rpc.CreateBooking(wish(practice, NINE))
        with counting(measurements, refused=1), pytest.raises(Refused):
            both.rpc.CreateBooking(wish(practice, NINE - timedelta(hours=12)))
        with counting(measurements, refused=1), pytest.raises(Invalid):
            both.rpc.CreateBooking(wish(practice, NINE, email="nobody"))
        with counting(measurements, refused=1), pytest.raises(NotFound):
            both.rpc.CreateBooking(unknown)
    asking = Practice(both, confirmation=CONFIRMATION_APPROVAL)
    with acting_as(VISITOR), counting(measurements, requested=1):
        both.rpc.CreateBooking(wish(asking, NINE))


def test_a_reused_key_is_refused_and_no_conflict(both: Both, measurements: Measurements) -> None:
    practice = Practice(both)
    with acting_as(VISITOR):
        both.rpc.CreateBooking(wish(practice, NINE, request_id="a-key"))
        with counting(measurements, refused=1), pytest.raises(Conflict):
            both.rpc.CreateBooking(wish(practice, NINE + timedelta(hours=1), request_id="a-key"))


def test_an_outage_of_availability_is_an_error(
    alone: Running, both: Both, measurements: Measurements
) -> None:
    practice = Practice(both)
    before = counts(measurements)["error"]
    with acting_as(VISITOR), pytest.raises(DomainError):
        alone.rpc.CreateBooking(wish(practice, NINE))
    assert counts(measurements)["error"] > before, "the channel may have tried again"


def test_other_exceptions_are_errors(measurements: Measurements) -> None:
    for error in (Unreadable(), DomainError(), ValueError()):
        with (
            counting(measurements, error=1),
            pytest.raises(type(error)),
            attempts.counted(),
        ):
            raise error


def test_the_lead_time_of_a_booking_is_measured_once(
    both: Both, measurements: Measurements
) -> None:
    practice = Practice(both)
    request = wish(practice, NINE, request_id="twice")
    before = lead_times(measurements)
    with acting_as(VISITOR):
        both.rpc.CreateBooking(request)
        both.rpc.CreateBooking(request)
        with pytest.raises(Conflict):
            both.rpc.CreateBooking(wish(practice, NINE))
    count, seconds = lead_times(measurements)
    ahead = (NINE - both.clock.now()).total_seconds()
    assert (count - before[0], seconds - before[1]) == (1, ahead)


def lead_times(measurements: Measurements) -> tuple[int, float]:
    points = measurements.points("attune.booking.lead_time")
    return sum(p.count for p in points), sum(p.sum for p in points)
