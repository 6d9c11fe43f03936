"""The appointment as a calendar file."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from icalendar import Calendar

from gateway.pages.manage.calendar_file import Event

EVENT = Event(
    uid="8f14e45f-ceea-467f-a0e6-1b3c5d7e9f00@attune",
    sequence=3,
    start=datetime(2026, 11, 3, 14, 0, tzinfo=UTC),
    end=datetime(2026, 11, 3, 14, 50, tzinfo=UTC),
    summary="Appointment with Ärztin Zoë; Gruß, \\Praxis\nund noch viel mehr " + "ü" * 60,
    place="",
    join_url="https://attune.example/join/abc",
    is_confirmed=True,
    description="View or change: https://attune.example/manage/secret",
)
IN_PERSON = replace(EVENT, place="1 River Street; 2nd floor, left", join_url="")
NOW = datetime(2026, 11, 1, 8, 0, tzinfo=UTC)
pytestmark = pytest.mark.req("GW-6")


def test_the_file_is_read_back_as_it_was_meant() -> None:
    calendar: Any = Calendar.from_ical(EVENT.to_ical(NOW))
    [event] = calendar.events
    assert (event["UID"], event["SEQUENCE"]) == (EVENT.uid, EVENT.sequence)
    assert (event["DTSTART"].dt, event["DTEND"].dt) == (EVENT.start, EVENT.end)
    assert event["DTSTAMP"].dt == NOW
    assert (event["SUMMARY"], event["LOCATION"]) == (EVENT.summary, EVENT.join_url)
    assert event["DESCRIPTION"] == EVENT.description
    assert event["STATUS"] == "CONFIRMED"


def test_lines_end_with_crlf_and_are_short() -> None:
    lines = EVENT.to_ical(NOW).split(b"\r\n")
    assert lines[-1] == b""
    assert max(map(len, lines)) <= 75
    assert all(b"\n" not in line for line in lines)
    b"\r\n".join(lines).decode()  # no character is cut in two


def test_the_links_carry_the_same_appointment() -> None:
    google = parse_qs(urlsplit(EVENT.google()).query)
    assert google["dates"] == ["20261103T140000Z/20261103T145000Z"]
    assert google["text"] == [EVENT.summary]
    outlook = parse_qs(urlsplit(EVENT.outlook()).query)
    assert outlook["startdt"] == ["2026-11-03T14:00:00+00:00"]


def test_the_links_name_the_place_and_never_a_link_into_a_room() -> None:
    for link in (EVENT.google(), EVENT.outlook()):
        assert "location" not in parse_qs(urlsplit(link).query)
        assert "join" not in link
        assert "manage" not in link
    for link in (IN_PERSON.google(), IN_PERSON.outlook()):
        assert parse_qs(urlsplit(link).query)["location"] == [IN_PERSON.place]


def test_an_unapproved_request_is_tentative() -> None:
    calendar: Any = Calendar.from_ical(replace(IN_PERSON, is_confirmed=False).to_ical(NOW))
    [event] = calendar.events
    assert (event["STATUS"], event["LOCATION"]) == ("TENTATIVE", IN_PERSON.place)
