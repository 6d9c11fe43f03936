"""A provider's feed, made from the real booking's data."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import recurring_ical_events
from icalendar import Calendar, Event

from attune.availability.v1.availability_pb2 import CONFIRMATION_APPROVAL, Provider
from attune.booking.v1 import booking_service_pb2 as pb
from attune.booking.v1.booking_pb2 import CANCELLATION_REASON_OTHER, Booking
from attune.calendar_sync.v1.feed_service_pb2 import (
    GetFeedRequest,
    ReadFeedRequest,
    RotateFeedRequest,
)
from attune.common.v1.types_pb2 import MODE_IN_PERSON
from attune_testing.clock import TestClock, utc
from attune_testing.identities import staff
from attune_testing.stubs import BookingStub, CalendarSyncStub
from calendar_sync.adapters import booking as booking_adapter
from common import ids
from common.errors import NotFound
from common.rpc.identity import VISITOR, Identity, acting_as

pytestmark = pytest.mark.req("CS-6")
OpenPractice = Callable[..., Provider]
Book = Callable[..., Booking]
Sync = CalendarSyncStub


def token_of(sync: Sync, provider: Provider, caller: Identity | None = None) -> str:
    """Return a feed's token, requested as the practice's owner by default."""
    with acting_as(caller or staff(provider.practice_id)):
        return sync.GetFeed(GetFeedRequest(provider_id=provider.provider_id)).token


def read(sync: Sync, provider: Provider) -> bytes:
    token = token_of(sync, provider)
    with acting_as(VISITOR):
        return sync.ReadFeed(ReadFeedRequest(token=token)).icalendar


def shown(sync: Sync, provider: Provider) -> dict[str, Event]:
    """Return the events of a feed, by the id of their booking."""
    events = Calendar.from_ical(read(sync, provider).decode()).events
    return {str(event["UID"]).removesuffix("@attune"): event for event in events}


def test_a_feed_shows_the_bookings_of_its_provider_as_initials(
    sync: Sync, open_practice: OpenPractice, book: Book
) -> None:
    provider = open_practice()
    by_video = book(provider, "2026-03-02 15:00", name="Mara Quill")
    in_person = book(provider, "2026-03-03 15:00", MODE_IN_PERSON, "Ilse van der Aa")
    book(open_practice(), "2026-03-02 15:00")
    content = read(sync, provider)
    events = shown(sync, provider)
    assert {
        booking_id: (
            str(event["SUMMARY"]),
            event.start,
            event.end,
            str(event["STATUS"]),
            event["SEQUENCE"],
            str(event.get("LOCATION", "")),
            event.DTSTAMP,
        )
        for booking_id, event in events.items()
    } == {
        by_video.booking_id: (
            *("M. Q.", utc("2026-03-02 15:00"), utc("2026-03-02 15:50"), "CONFIRMED", 1),
            *("", utc("2026-03-02 12:00")),
        ),
        in_person.booking_id: (
            *("I. A.", utc("2026-03-03 15:00"), utc("2026-03-03 15:50"), "CONFIRMED", 1),
            *("12 High St, Springfield", utc("2026-03-02 12:00")),
        ),
    }
    for secret in (b"Mara", b"Quill", b"Ilse", b"client.example", b"sleep", b"Trauma", b"Ada"):
        assert secret not in content


def test_a_request_is_tentative_and_what_is_off_is_not_shown(
    sync: Sync,
    open_practice: OpenPractice,
    book: Book,
    bookings: BookingStub,
    clock: TestClock,
) -> None:
    provider = open_practice(CONFIRMATION_APPROVAL)
    requested = book(provider, "2026-03-02 15:00")
    approved = book(provider, "2026-03-02 16:00")
    declined = book(provider, "2026-03-02 17:00")
    cancelled = book(provider, "2026-03-02 18:00")
    clock.present = utc("2026-03-02 12:30")
    with acting_as(staff(provider.practice_id)):
        bookings.ConfirmBooking(pb.ConfirmBookingRequest(booking_id=approved.booking_id))
        bookings.DeclineBooking(pb.DeclineBookingRequest(booking_id=declined.booking_id))
        bookings.ConfirmBooking(pb.ConfirmBookingRequest(booking_id=cancelled.booking_id))
        bookings.CancelBooking(
            pb.CancelBookingRequest(
                booking_id=cancelled.booking_id, reason=CANCELLATION_REASON_OTHER
            )
        )
    events = shown(sync, provider)
    assert {booking_id: str(event["STATUS"]) for booking_id, event in events.items()} == {
        requested.booking_id: "TENTATIVE",
        approved.booking_id: "CONFIRMED",
    }
    stamps = {
        booking_id: (event["SEQUENCE"], event.DTSTAMP, event.LAST_MODIFIED)
        for booking_id, event in events.items()
    }
    made, changed = utc("2026-03-02 12:00"), utc("2026-03-02 12:30")
    assert stamps == {
        requested.booking_id: (1, made, made),
        approved.booking_id: (2, changed, changed),
    }


def test_sessions_that_run_and_that_were_held_stay(
    sync: Sync,
    open_practice: OpenPractice,
    book: Book,
    bookings: BookingStub,
    clock: TestClock,
) -> None:
    provider = open_practice()
    held, running = book(provider, "2026-03-02 15:00"), book(provider, "2026-03-02 16:00")
    clock.present = utc("2026-03-02 16:10")
    with acting_as(staff(provider.practice_id)):
        for booking in (held, running):
            bookings.StartBooking(pb.StartBookingRequest(booking_id=booking.booking_id))
        bookings.CompleteBooking(pb.CompleteBookingRequest(booking_id=held.booking_id))
    statuses = {str(event["STATUS"]) for event in shown(sync, provider).values()}
    assert (set(shown(sync, provider)), statuses) == (
        {held.booking_id, running.booking_id},
        {"CONFIRMED"},
    )


def test_a_feed_reaches_thirty_days_back_and_four_hundred_ahead(
    sync: Sync, open_practice: OpenPractice, book: Book, clock: TestClock
) -> None:
    provider = open_practice()
    early = book(provider, "2026-03-02 15:00")
    late = book(provider, "2027-04-10 15:00")
    moment = timedelta(seconds=1)
    seen = {}
    for now in (
        utc("2027-04-10 15:00") - timedelta(days=400),
        utc("2027-04-10 15:00") - timedelta(days=400) + moment,
        utc("2026-03-02 15:00") + timedelta(days=30),
        utc("2026-03-02 15:00") + timedelta(days=30) + moment,
    ):
        clock.present = now
        seen[now] = set(shown(sync, provider))
    both = {early.booking_id, late.booking_id}
    assert list(seen.values()) == [{early.booking_id}, both, both, {late.booking_id}]


def test_a_long_feed_is_read_to_its_end(
    sync: Sync, open_practice: OpenPractice, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(booking_adapter, "_PAGE", 2)
    provider = open_practice()
    made = {book(provider, f"2026-03-{day:02} 15:00").booking_id for day in range(3, 8)}
    assert set(shown(sync, provider)) == made


def test_an_unchanged_feed_is_the_same_to_the_byte_at_any_time(
    sync: Sync, open_practice: OpenPractice, book: Book, clock: TestClock
) -> None:
    provider = open_practice()
    for hour in (15, 16, 17):
        book(provider, f"2026-03-02 {hour}:00")
    before = read(sync, provider)
    clock.advance(timedelta(days=3, seconds=7))
    assert read(sync, provider) == before
    book(provider, "2026-03-09 15:00")
    assert read(sync, provider) != before


def test_across_clock_changes_sessions_stand_at_their_wall_clock_time(
    sync: Sync, open_practice: OpenPractice, book: Book
) -> None:
    zone = ZoneInfo("America/New_York")
    local = [datetime(2026, 3, day, 10, tzinfo=zone) for day in (6, 7, 8, 9)]
    provider = open_practice()
    for start in local:
        book(provider, start.astimezone(UTC).strftime("%Y-%m-%d %H:%M"))
    calendar = Calendar.from_ical(read(sync, provider).decode())
    occurrences = recurring_ical_events.of(calendar).between("20260301", "20260401")
    assert sorted(event.start.astimezone(zone) for event in occurrences) == local
    assert {event.start.astimezone(zone).hour for event in occurrences} == {10}


@pytest.mark.req("GW-13")
def test_owners_get_the_feeds_of_their_own_providers_only(
    sync: Sync, open_practice: OpenPractice
) -> None:
    mine, theirs = open_practice(), open_practice()
    token = token_of(sync, mine)
    me = staff(mine.practice_id, "clinician", provider_id=mine.provider_id)
    assert token_of(sync, mine, me) == token
    for known in (False, True):
        if known:
            token_of(sync, theirs)
        for caller in (staff(mine.practice_id), staff(mine.practice_id, "manager"), me):
            with pytest.raises(NotFound) as failure:
                token_of(sync, theirs, caller)
            assert failure.value.reason == "PROVIDER_NOT_FOUND"


def test_a_provider_who_does_not_exist_has_no_feed(sync: Sync, open_practice: OpenPractice) -> None:
    nobody = Provider(provider_id=str(ids.new()), practice_id=open_practice().practice_id)
    with pytest.raises(NotFound) as failure:
        token_of(sync, nobody)
    assert failure.value.reason == "PROVIDER_NOT_FOUND"


def test_after_a_rotation_the_new_token_shows_what_the_old_one_did(
    sync: Sync, open_practice: OpenPractice, book: Book
) -> None:
    provider = open_practice()
    book(provider)
    before = read(sync, provider)
    with acting_as(staff(provider.practice_id)):
        token = sync.RotateFeed(RotateFeedRequest(provider_id=provider.provider_id)).token
    with acting_as(VISITOR):
        assert sync.ReadFeed(ReadFeedRequest(token=token)).icalendar == before
