"""Bookings as an iCalendar document, read back by real parsers."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import recurring_ical_events
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar, Event

from attune.booking.v1 import booking_pb2
from attune.booking.v1.booking_pb2 import Booking, ContactDetails, ServiceLine
from attune.common.v1.types_pb2 import MODE_IN_PERSON, MODE_PHONE, MODE_TELEHEALTH, Mode
from attune_testing.clock import utc
from calendar_sync import domain, rendering
from common import ids, proto

pytestmark = pytest.mark.req("CS-6")

ID = "6f6a2c8e-4b9c-4a53-9a52-0a5f4e4f3c11"
START = utc("2026-03-02 15:00")
NEW_YORK = ZoneInfo("America/New_York")


def at(when: datetime) -> Timestamp:
    timestamp = Timestamp()
    timestamp.FromDatetime(when)
    return timestamp


def booking(
    start: datetime = START,
    name: str = "Ada Byron",
    status: "booking_pb2.BookingStatus.ValueType" = booking_pb2.BOOKING_STATUS_CONFIRMED,
    mode: "Mode.ValueType" = MODE_TELEHEALTH,
    address: str = "",
    booking_id: str = "",
) -> Booking:
    return Booking(
        booking_id=booking_id or str(ids.new()),
        username="demo",
        contact=ContactDetails(name=name, email="ada@byron.example", phone="+12025550123"),
        status=status,
        mode=mode,
        address=address,
        note="I cannot sleep",
        service_lines=[ServiceLine(title="Trauma therapy", code="90837")],
        start_time=at(start),
        end_time=at(start + timedelta(minutes=50)),
        create_time=at(utc("2026-02-01 08:30")),
        update_time=at(utc("2026-02-03 09:45")),
        version=7,
    )


def events(content: bytes) -> list[Event]:
    return list(Calendar.from_ical(content.decode()).events)


def test_a_booking_is_an_event_that_shows_initials_only() -> None:
    shown = booking(booking_id=ID, mode=MODE_IN_PERSON, address="12 High St, Suite 4; Springfield")
    assert rendering.calendar([shown]).decode().split("\r\n") == [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Attune//Feed//EN",
        "NAME:Attune",
        "X-WR-CALNAME:Attune",
        "REFRESH-INTERVAL;VALUE=DURATION:PT15M",
        "X-PUBLISHED-TTL:PT15M",
        "BEGIN:VEVENT",
        "SUMMARY:A. B.",
        "DTSTART:20260302T150000Z",
        "DTEND:20260302T155000Z",
        "DTSTAMP:20260203T094500Z",
        f"UID:{ID}@attune",
        "SEQUENCE:7",
        "CREATED:20260201T083000Z",
        "LAST-MODIFIED:20260203T094500Z",
        "LOCATION:12 High St\\, Suite 4\\; Springfield",
        "STATUS:CONFIRMED",
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ]


def test_no_bookings_make_an_empty_calendar() -> None:
    assert events(rendering.calendar([])) == []


def test_a_client_without_a_name_has_a_session_all_the_same() -> None:
    (event,) = events(rendering.calendar([booking(name="…")]))
    assert event["SUMMARY"] == "Session"


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        (booking_pb2.BOOKING_STATUS_REQUESTED, "TENTATIVE"),
        (booking_pb2.BOOKING_STATUS_CONFIRMED, "CONFIRMED"),
        (booking_pb2.BOOKING_STATUS_IN_PROGRESS, "CONFIRMED"),
        (booking_pb2.BOOKING_STATUS_COMPLETED, "CONFIRMED"),
    ],
)
def test_a_request_is_tentative(status: "booking_pb2.BookingStatus.ValueType", shown: str) -> None:
    (event,) = events(rendering.calendar([booking(status=status)]))
    assert event["STATUS"] == shown
    assert proto.word(booking_pb2.BookingStatus, status) in domain.SHOWN


@pytest.mark.parametrize("mode", [MODE_TELEHEALTH, MODE_PHONE])
def test_only_a_session_in_person_has_a_place(mode: "Mode.ValueType") -> None:
    (event,) = events(rendering.calendar([booking(mode=mode, address="12 High St")]))
    assert "LOCATION" not in event


def test_a_booking_that_was_never_changed_bears_the_time_it_was_made() -> None:
    made = booking()
    made.ClearField("update_time")
    (event,) = events(rendering.calendar([made]))
    assert event.DTSTAMP == event.LAST_MODIFIED == utc("2026-02-01 08:30")


def test_equal_bookings_make_equal_bytes_in_whatever_order_they_come() -> None:
    shown = [booking(START + timedelta(hours=n // 2)) for n in range(8)]
    expected = rendering.calendar(shown)
    assert rendering.calendar(reversed(shown)) == expected
    assert rendering.calendar(shown[3:] + shown[:3]) == expected
    starts = [event.start for event in events(expected)]
    assert starts == sorted(starts)


def test_a_booking_that_was_moved_while_it_was_read_is_shown_once_at_its_new_time() -> None:
    before, after = booking(booking_id=ID), booking(utc("2026-03-09 10:00"), booking_id=ID)
    (event,) = events(rendering.calendar([before, after]))
    assert event.start == utc("2026-03-09 10:00")


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)


@given(texts, texts)
def test_whatever_is_typed_the_lines_are_well_formed_and_read_back(name: str, address: str) -> None:
    content = rendering.calendar([booking(name=name, mode=MODE_IN_PERSON, address=address)])
    assert content.endswith(b"END:VCALENDAR\r\n")
    lines = content.removesuffix(b"\r\n").split(b"\r\n")
    assert max(map(len, lines)) <= 75
    assert not any(byte < 0x20 or byte == 0x7F for line in lines for byte in line)
    for line in lines:
        line.decode()  # nothing is folded inside a character
    (event,) = events(content)
    assert str(event["SUMMARY"]) == (domain.initials(name) or "Session")
    assert str(event.get("LOCATION", "")).split() == [
        visible
        for word in address.split()
        if (visible := "".join(c for c in word if c.isprintable() or c not in CONTROLS))
    ]


CONTROLS = {chr(n) for n in (*range(0x20), *range(0x7F, 0xA0))}


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=2, max_size=100))
def test_no_more_than_initials_is_told_of_a_name(name: str) -> None:
    (event,) = events(rendering.calendar([booking(name=name)]))
    assert len(str(event["SUMMARY"]).replace(".", "").replace(" ", "")) <= len("Session")
    assert len(domain.initials(name)) <= len("A. B.")


@pytest.mark.req("CS-2")
def test_nothing_of_the_booking_s_content_is_told() -> None:
    content = rendering.calendar([booking(mode=MODE_IN_PERSON, address="12 High St")])
    for secret in (b"Ada", b"Byron", b"ada@", b"2025550123", b"sleep", b"Trauma", b"90837"):
        assert secret not in content


@pytest.mark.parametrize(
    ("local", "zone"),
    [
        # New York springs forward on 2026-03-08, falls back on 2026-11-01.
        (datetime(2026, 3, 7, 9), NEW_YORK),
        (datetime(2026, 3, 8, 1, 30), NEW_YORK),
        (datetime(2026, 3, 8, 9), NEW_YORK),
        (datetime(2026, 11, 1, 1, 30, fold=0), NEW_YORK),
        (datetime(2026, 11, 1, 1, 30, fold=1), NEW_YORK),
        (datetime(2026, 11, 2, 9), NEW_YORK),
        (datetime(2026, 10, 4, 9), ZoneInfo("Australia/Lord_Howe")),
    ],
)
def test_a_session_stands_at_its_wall_clock_time_across_clock_changes(
    local: datetime, zone: ZoneInfo
) -> None:
    start = local.replace(tzinfo=zone).astimezone(UTC)
    content = rendering.calendar([booking(start)])
    (event,) = recurring_ical_events.of(Calendar.from_ical(content)).between(
        start - timedelta(minutes=1), start + timedelta(minutes=1)
    )
    shown = event["DTSTART"].dt
    assert shown.astimezone(zone).replace(tzinfo=None) == local
    assert event["DTEND"].dt - shown == timedelta(minutes=50)
