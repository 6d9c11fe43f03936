"""Who gets which notice, how long it stays true, and when it is retried."""

from datetime import timedelta

import pytest

from attune.booking.v1.booking_pb2 import BookingStatus
from attune_testing.clock import utc
from common import proto
from notifications.domain import notices
from notifications.domain.notices import Kind, Recipient

NOW = utc("2026-03-01 12:00")
BOTH = (Recipient.CLIENT, Recipient.PROVIDER)


@pytest.mark.req("NT-1")
@pytest.mark.parametrize(("was_requested", "told"), [(False, BOTH), (True, (Recipient.CLIENT,))])
def test_a_provider_who_approved_is_not_told_of_it(
    was_requested: bool, told: tuple[Recipient, ...]
) -> None:
    assert notices.recipients_of_confirmation(was_requested=was_requested) == told


@pytest.mark.req("NT-1", "CN-1")
@pytest.mark.parametrize(
    ("by_client", "tell_client", "told"),
    [
        (False, True, (Recipient.CLIENT,)),
        (False, False, ()),
        (True, True, BOTH),
        (True, False, BOTH),
    ],
)
def test_a_cancellation_is_told_to_the_other_side_and_as_staff_chose(
    by_client: bool, tell_client: bool, told: tuple[Recipient, ...]
) -> None:
    found = notices.recipients_of_cancellation(by_client=by_client, tell_client=tell_client)
    assert found == told


STANDING = {"confirmed", "in_progress"}
STATUSES = {proto.word(BookingStatus, number) for number in BookingStatus.values()}


@pytest.mark.parametrize(
    ("kind", "while_true"),
    [
        (Kind.BOOKING_REQUESTED, STANDING | {"requested"}),
        (Kind.BOOKING_CONFIRMED, STANDING),
        (Kind.BOOKING_DECLINED, {"declined"}),
        (Kind.BOOKING_EXPIRED, {"expired"}),
        (Kind.BOOKING_CANCELLED, {"cancelled"}),
        (Kind.CANCELLATION_REQUESTED, STANDING),
        (Kind.CANCELLATION_DECLINED, STANDING),
    ],
)
def test_a_notice_is_true_as_long_as_the_booking_is_so(kind: Kind, while_true: set[str]) -> None:
    still = {
        status
        for status in STATUSES
        if notices.still_true(kind, status, cancellation_requested=True)
    }
    assert still == while_true


def test_a_cancellation_that_no_longer_waits_is_not_put_to_the_provider() -> None:
    kind = Kind.CANCELLATION_REQUESTED
    assert not notices.still_true(kind, "confirmed", cancellation_requested=False)


@pytest.mark.req("NT-3")
def test_attempts_grow_apart_to_an_hour_and_go_on_for_more_than_a_day() -> None:
    now = NOW
    waits: list[float] = []
    while at := notices.next_attempt(len(waits) + 1, now):
        waits.append((at - now).total_seconds())
        now = at
    assert waits[:9] == [1, 5, 15, 60, 120, 300, 600, 1800, 3600]
    assert set(waits[9:]) == {3600}
    assert timedelta(hours=24) < now - NOW < timedelta(hours=26)


@pytest.mark.req("PF-13")
def test_a_notice_waits_two_minutes_for_its_room() -> None:
    assert notices.waits_for_room(NOW, NOW + timedelta(seconds=119))
    assert not notices.waits_for_room(NOW, NOW + timedelta(seconds=120))
