"""What the booking page says: times in two zones, repeated hours, terms, and why a time is gone."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from html import unescape
from zoneinfo import ZoneInfo

import pytest
import requests
from babel import Locale
from flask import Flask

from attune.availability.v1 import availability_pb2 as pb
from attune.common.v1.types_pb2 import MODE_TELEHEALTH
from gateway.backends.providers import Profile
from gateway.pages.booking import terms
from gateway.pages.booking.choice import Choice
from gateway.pages.shared import formats
from services.gateway.tests.clinic import Practice

pytestmark = pytest.mark.req("GW-6")
US = Locale.parse("en_US")


def read(practice: Practice, status: int = 200, **query: str) -> str:
    """Return the page's text, without its markup."""
    wanted = {"service": "talk", "mode": "telehealth", "tz": "America/New_York", **query}
    url = f"{practice.stack.url}/book/{practice.username}"
    headers = {"Accept-Language": "en-US"}
    answer = requests.get(url, params=wanted, headers=headers, timeout=60)
    assert answer.status_code == status, answer.text
    text = unescape(re.sub(r"<[^>]+>", " ", answer.text.partition("<main")[2]))
    return re.sub(r"\s+", " ", text)


# Clocks that change


@pytest.mark.req("SL-1")
@pytest.mark.parametrize(
    ("zone", "first", "written"),
    [
        ("America/New_York", "2027-11-07T05:30Z", ["1:30 AM (UTC−4)", "1:30 AM (UTC−5)"]),
        ("Europe/Berlin", "2026-10-25T00:30Z", ["2:30 AM (UTC+2)", "2:30 AM (UTC+1)"]),
        ("Australia/Sydney", "2027-04-03T15:15Z", ["2:15 AM (UTC+11)", "2:15 AM (UTC+10)"]),
        ("America/Havana", "2024-11-03T04:30Z", ["12:30 AM (UTC−4)", "12:30 AM (UTC−5)"]),
        ("Pacific/Chatham", "2027-04-03T13:45Z", ["3:30 AM (UTC+13:45)", "3:30 AM (UTC+12:45)"]),
        ("Asia/Tokyo", "2027-11-07T05:30Z", ["2:30 PM", "3:30 PM"]),
    ],
)
def test_a_repeated_hour_is_told_apart(zone: str, first: str, written: list[str]) -> None:
    start, tz = datetime.fromisoformat(first), ZoneInfo(zone)
    later = start + timedelta(hours=1)
    for made in (
        [formats.clock_time(moment, tz, US) for moment in (start, later)],
        formats.clock_span(start, later, tz, US).split(" – "),
    ):
        assert [words.replace("\u202f", " ") for words in made] == written
    assert formats.brief(start, tz, US).replace("\u202f", " ").endswith(written[0])


def test_half_an_hour_more_is_told_apart_too() -> None:
    start, tz = datetime(2027, 4, 3, 14, 45, tzinfo=UTC), ZoneInfo("Australia/Lord_Howe")
    times = [start + timedelta(minutes=30 * n) for n in range(2)]
    written = [formats.clock_time(moment, tz, US).replace("\u202f", " ") for moment in times]
    assert written == ["1:45 AM (UTC+11)", "1:45 AM (UTC+10:30)"]


@pytest.fixture(scope="module")
def around_the_clock(make_practice: Callable[[], Practice]) -> Practice:
    """A practice that is always open, and can be booked years ahead."""
    made = make_practice()
    version = made.owner.get("/policies")["version"]
    body = {"version": version, "policies": {"maximum_advance_days": 0}}
    assert made.owner.send("PUT", "/policies", body).status_code == 200
    week = [{"day": day, "start": "00:00", "end": "24:00"} for day in range(7)]
    version = made.owner.get(f"{made.path}/hours")["version"]
    saved = made.owner.send("PUT", f"{made.path}/hours", {"version": version, "blocks": week})
    assert saved.status_code == 200
    return made


@pytest.mark.req("SL-1")
@pytest.mark.parametrize(
    ("zone", "day", "both"),
    [
        ("America/New_York", "2027-11-07", ["1:30 AM (UTC−4)", "1:30 AM (UTC−5)"]),
        ("Europe/Berlin", "2027-10-31", ["2:45 AM (UTC+2)", "2:45 AM (UTC+1)"]),
        ("Australia/Sydney", "2028-04-02", ["2:15 AM (UTC+11)", "2:15 AM (UTC+10)"]),
        ("Australia/Lord_Howe", "2028-04-02", ["1:45 AM (UTC+11)", "1:45 AM (UTC+10:30)"]),
        ("Pacific/Chatham", "2028-04-02", ["3:15 AM (UTC+13:45)", "3:15 AM (UTC+12:45)"]),
        ("Asia/Tokyo", "2027-11-07", []),
    ],
)
def test_times_of_a_day_on_which_the_clocks_change_carry_their_offset(
    around_the_clock: Practice, zone: str, day: str, both: list[str]
) -> None:
    shown = read(around_the_clock, tz=zone, date=day, month=day[:7])
    assert [shown.count(f" {words} ") for words in both] == [1] * len(both)
    assert ("The clocks change on this day." in shown) is bool(both)
    assert (" 5:30 AM (UTC" in shown) is bool(both)


# In person


@pytest.mark.req("BK-13")
@pytest.mark.parametrize(
    ("zone", "differs"),
    [
        ("Asia/Kathmandu", True),
        ("Europe/Berlin", True),
        ("America/Los_Angeles", True),
        ("UTC", True),
        ("Australia/Lord_Howe", True),
        ("America/New_York", False),
        ("America/Toronto", False),
    ],
)
def test_in_person_the_places_time_comes_first(
    practice: Practice, zone: str, differs: bool
) -> None:
    start = practice.slots()[0]
    place = datetime.fromisoformat(start).astimezone(ZoneInfo("America/New_York"))
    here = place.astimezone(ZoneInfo(zone))
    asked = partial(read, practice, mode="in_person", tz=zone)
    times = asked(date=f"{place:%Y-%m-%d}", month=f"{place:%Y-%m}")
    details = asked(start=f"{place.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}")
    assert f"{place:%A, %B} {place.day}, {place.year}" in times
    assert re.search(rf"{place:%-I:%M %p}", times)
    offset = "UTC−4" if place.utcoffset() == timedelta(hours=-4) else "UTC−5"
    assert f"Eastern Time ({offset})" in times
    assert f"Eastern Time ({offset})" in details
    assert ("At the practice:" in times) is differs
    assert ("Your time: " in details) is differs
    if differs:
        assert re.search(rf"{place:%-I:%M %p} (\w+ )?{here:%-I:%M %p}", times)
        assert f"{here:%a, %b} {here.day}, {here:%-I:%M %p} – " in details
    assert "1 Main Street" in details


@pytest.mark.req("BK-13")
@pytest.mark.parametrize("path", ["", "/cancel"])
def test_so_it_does_on_the_pages_of_the_appointment(practice: Practice, path: str) -> None:
    booking = practice.book(practice.slots()[0], mode="in_person")
    place = datetime.fromisoformat(booking["start"]).astimezone(ZoneInfo("America/New_York"))
    for zone in ("Asia/Kathmandu", "Europe/Berlin", "America/Los_Angeles", "America/Toronto"):
        here = place.astimezone(ZoneInfo(zone))
        page = requests.get(booking["manage_url"] + path, params={"tz": zone}, timeout=60).text
        text = re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page)))
        assert re.search(rf"{place:%A, %B} {place.day}, {place.year} {place:%-I:%M %p} – ", text)
        own = f"Your time: {here:%a, %b} {here.day}, {here:%-I:%M %p}"
        assert (own in text) is (zone != "America/Toronto")


@pytest.mark.req("BK-13")
@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "Europe/Berlin", "UTC"])
def test_elsewhere_only_the_readers_time_is_shown(practice: Practice, zone: str) -> None:
    start = datetime.fromisoformat(practice.slots()[0])
    here = start.astimezone(ZoneInfo(zone))
    shown = read(practice, tz=zone, start=f"{start.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}")
    assert f"{here:%-I:%M %p} – " in shown
    assert "Eastern Time" not in shown
    assert "Your time" not in shown


# Why a time cannot be had


@pytest.mark.parametrize(
    ("start", "words"),
    [
        ("2020-01-02T15:00:00Z", "That time has passed."),
        ("2001-07-01T00:00:00Z", "That time has passed."),
        (timedelta(minutes=-1), "That time has passed."),
        (timedelta(days=-300), "That time has passed."),
        (timedelta(minutes=5), "That time is too soon to book online."),
        (timedelta(minutes=29), "That time is too soon to book online."),
        (timedelta(days=60, seconds=1), "That time is no longer available."),
        (timedelta(days=900), "That time is too far ahead to book online yet."),
        ("2099-12-31T23:59:59Z", "That time is too far ahead to book online yet."),
    ],
)
def test_a_start_that_cannot_be_had_says_why(
    practice: Practice, start: str | timedelta, words: str
) -> None:
    if isinstance(start, timedelta):
        start = f"{datetime.now(UTC) + start:%Y-%m-%dT%H:%M:%SZ}"
    shown = read(practice, 409, start=start)
    assert words in shown
    assert ("Nearby openings" in shown) is ("too far" not in words)
    assert "Choose another time" in shown


# Terms

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
ALLOWED, APPROVAL, NOT_ALLOWED = (
    pb.CLIENT_CANCELLATION_ALLOWED,
    pb.CLIENT_CANCELLATION_APPROVAL,
    pb.CLIENT_CANCELLATION_NOT_ALLOWED,
)


@pytest.fixture
def english() -> Iterator[None]:
    with Flask("test").test_request_context(headers={"Accept-Language": "en-US"}):
        yield


@pytest.mark.req("CN-2")
@pytest.mark.usefixtures("english")
@pytest.mark.parametrize(
    ("rule", "minutes", "ahead", "words", "is_warning"),
    [
        (ALLOWED, 1440, 48, "Free to cancel online until Sun, Nov 29, 12:00 PM.", False),
        (ALLOWED, 1440, 24, "Free to cancel online until Sat, Nov 28, 12:00 PM.", False),
        (
            ALLOWED,
            1440,
            23,
            "because it starts in less than 24 hours. To cancel, contact Elm.",
            True,
        ),
        (ALLOWED, 90, 1, "because it starts in less than 90 minutes.", True),
        (ALLOWED, 60, 0.5, "because it starts in less than 1 hour.", True),
        (ALLOWED, 0, 1, "Free to cancel online until Sat, Nov 28, 1:00 PM.", False),
        (APPROVAL, 1440, 48, "To cancel, ask the practice online until Sun, Nov 29", False),
        (APPROVAL, 1440, 2, "This appointment can't be canceled online because", True),
        (NOT_ALLOWED, 1440, 48, "This appointment can't be canceled online. To cancel", True),
        (NOT_ALLOWED, 0, 2, "This appointment can't be canceled online. To cancel", True),
    ],
)
def test_the_terms_are_those_of_this_booking(
    rule: pb.ClientCancellation.ValueType, minutes: int, ahead: float, words: str, is_warning: bool
) -> None:
    policies = pb.Policies(client_cancellation=rule, late_cancellation_minutes=minutes)
    profile = Profile(
        pb.Provider(username="ada", timezone="UTC", effective_policies=policies),
        pb.Practice(name="Elm"),
        [pb.ServiceType(slug="talk", modes=[MODE_TELEHEALTH])],
    )
    found = terms.of_booking(Choice.of(profile, {}), NOW + timedelta(hours=ahead), NOW)
    assert words in found.words.replace("\u202f", " ")
    assert found.is_warning is is_warning


@pytest.mark.req("CN-2")
@pytest.mark.usefixtures("english")
@pytest.mark.parametrize(
    ("rule", "minutes", "words"),
    [
        (ALLOWED, 1440, "Free to cancel online up to 24 hours before."),
        (ALLOWED, 2880, "Free to cancel online up to 48 hours before."),
        (ALLOWED, 60, "Free to cancel online up to 1 hour before."),
        (ALLOWED, 45, "Free to cancel online up to 45 minutes before."),
        (ALLOWED, 0, "Free to cancel online until your appointment starts."),
        (APPROVAL, 1440, "To cancel, ask the practice online up to 24 hours before."),
        (NOT_ALLOWED, 1440, "can't be canceled online"),
    ],
)
def test_the_terms_are_said_before_a_time_is_chosen(
    rule: pb.ClientCancellation.ValueType, minutes: int, words: str
) -> None:
    policies = pb.Policies(client_cancellation=rule, late_cancellation_minutes=minutes)
    assert words in terms.of_policies(policies)
