"""Emails and calendars say to other programs what they say to people."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from attune.availability.v1.availability_pb2 import Provider
from attune.booking.v1 import booking_pb2 as pb
from attune.common.v1.types_pb2 import MODE_IN_PERSON
from attune_testing.clock import utc
from calendar_sync import rendering
from common import ids
from gateway.pages.manage.calendar_file import Event
from notifications.domain.notices import Kind
from notifications.rendering.letter import Letter
from notifications.rendering.message import compose
from services.notifications.tests.letters import STATES, make_letter
from tests.ecosystem import programs

pytestmark = pytest.mark.req("NT-2", "CS-6")
DESK = "desk@riverside.example"
FORMS, PROGRAMS = ("text/calendar", "application/ics"), ("icalJs", "nodeIcal")
START, END = utc("2026-03-03 15:00"), utc("2026-03-03 15:50")
LINK = "View or change: https://attune.example/manage/" + "m" * 43
IN_PARAMETERS = str.maketrans('";\\', "',/")
NAMES = {
    "cyrillic": "Центр семейной психотерапии Санкт Петербург",
    "arabic": "مركز الأمل للعلاج النفسي والأسري في الرياض",
    "persian": "علی\u200cرضا و همکاران",
    "hindi": "मानसिक स्वास्थ्य और परामर्श केंद्र नई दिल्ली",
    "chinese": "心理咨询 与 治疗 中心 北京",
    "emoji": "Riverside 🌊 Practice 👩🏽\u200d⚕️",
    "long": "Praxis für Psychotherapie und Beratung " * 5 + "Köpenick",
    "long-word": "Ä" * 180,
    "punctuation": "Söhne, Elm; & Partner <West>: 5\\7 (GmbH) @home",
    "quotes": "Riverside \"Elm\" Practice, 'West'",
    "lines": "Riverside\r\nPractice\tWest\u2028Side",
    "like-a-header": "Riverside\r\nBcc: eve@evil.example",
    "like-an-event": "Riverside\r\nEND:VEVENT\r\nBEGIN:VEVENT",
    "like-an-encoded-word": "=?utf-8?q?Riverside?=",
    "like-an-encoded-header": "=?utf-8?q?Riverside=0D=0ABcc=3A_eve=40evil.example?=",
}


def line(name: str) -> str:
    """A name as one line."""
    return " ".join(name.split())


def named(name: str) -> Letter:
    """A letter in which the practice, its place, and the provider have this name."""
    return make_letter(
        practice={"name": name, "address": name, "email": DESK},
        booking={"mode": MODE_IN_PERSON, "contact": pb.ContactDetails(name=name)},
        provider=Provider(display_name=name, email="pat@practice.example"),
    )


def feed(*names: str) -> bytes:
    """A provider's feed with a booking at a place of each name."""
    bookings = [
        pb.Booking(
            booking_id=str(ids.new()),
            status=pb.BOOKING_STATUS_CONFIRMED,
            mode=MODE_IN_PERSON,
            address=name,
            contact=pb.ContactDetails(name=name),
            version=number,
        )
        for number, name in enumerate(names)
    ]
    for booking in bookings:
        booking.start_time.FromDatetime(START)
        booking.end_time.FromDatetime(END)
    return rendering.calendar(bookings)


def page_file(name: str, *, is_confirmed: bool = True) -> bytes:
    """The file of a manage page; booking and availability take names of one line alone."""
    title = f"Appointment with {line(name)}"
    event = Event("1@attune", 3, START, END, title, line(name), "", is_confirmed, LINK)
    return event.to_ical(datetime.now(UTC))


@dataclass
class Read:
    """What the programs read: all files are read by one process, since its start takes longest."""

    letters: dict[str, Letter]
    found: dict[str, Any]

    def calendars(self, name: str) -> list[Any]:
        """What each of the two programs found in a calendar."""
        return [self.found[name][program] for program in PROGRAMS]


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Read:
    folder = tmp_path_factory.mktemp("mails")
    letters = {state: make_letter(**arguments) for state, arguments in STATES.items()}
    letters |= {f"named-{kind}": named(name) for kind, name in NAMES.items()}
    contents: dict[str, bytes] = {
        f"{name}.eml": compose(letter).as_bytes() for name, letter in letters.items()
    }
    contents |= {f"page-{kind}.ics": page_file(name) for kind, name in NAMES.items()}
    contents["page-requested.ics"] = page_file("Pat", is_confirmed=False)
    contents["feed.ics"] = feed(*NAMES.values())
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    said = programs.node(programs.HERE / "stories/mails.mjs", *sorted(folder.iterdir()))
    return Read(letters, {Path(path).name: found for path, found in json.loads(said).items()})


def invites(mail: dict[str, Any]) -> list[Any]:
    """What each program found in each of the two forms of a message's invite."""
    for part, form in zip(mail["attachments"], FORMS, strict=len(mail["attachments"]) > 0):
        assert (part["mimeType"], part["filename"]) == (form, "invite.ics")
    if mail["attachments"]:
        first = mail["attachments"][0]
        assert first["method"] == first["icalJs"]["method"]
    return [part[program] for part in mail["attachments"] for program in PROGRAMS]


@pytest.mark.parametrize("state", STATES)
def test_a_message_reads_as_it_was_meant(read: Read, state: str) -> None:
    letter, mail = read.letters[state], read.found[f"{state}.eml"]
    assert mail["from"] == {"name": letter.practice_name, "address": letter.sender}
    assert [to["address"] for to in mail["to"]] == [letter.to]
    assert [to["address"] for to in mail.get("replyTo") or []] == list(
        filter(None, [letter.replies_to])
    )
    assert mail["subject"] == str(compose(letter)["Subject"])
    assert mail["messageId"] == f"<{letter.notice_id}@attune.example>"
    assert mail["date"] == "2026-03-01T12:00:00.000Z"
    assert mail["headers"]["auto-submitted"] == "auto-generated"
    assert mail["headers"]["content-language"] == "en"
    for body in (mail["text"], mail["html"]):
        assert letter.links.manage in body
        assert letter.practice_name in body
    assert len(mail["html"]) < 100_000
    assert "<img" not in mail["html"]


@pytest.mark.parametrize("state", STATES)
def test_an_invite_reads_as_it_was_meant(read: Read, state: str) -> None:
    letter, found = read.letters[state], invites(read.found[f"{state}.eml"])
    cancels = letter.kind is Kind.BOOKING_CANCELLED and letter.invited
    assert len(found) == (4 if cancels or letter.kind is Kind.BOOKING_CONFIRMED else 0)
    for calendar in found:
        assert calendar["method"] == ("CANCEL" if cancels else "REQUEST")
        [event] = calendar["events"]
        assert event["uid"] == f"{letter.booking.booking_id}@attune"
        assert event["sequence"] == letter.booking.version
        assert event["status"] == ("CANCELLED" if cancels else "CONFIRMED")
        assert event["start"] == "2026-03-03T15:00:00.000Z"
        assert event["end"] == "2026-03-03T15:50:00.000Z"
        assert letter.links.manage in event["description"]
        assert event["organizer"]["address"] == f"mailto:{letter.replies_to or letter.sender}"
        assert event["organizer"]["cn"] == letter.practice_name
        [attendee] = event["attendees"]
        assert attendee["address"] == f"mailto:{letter.to}"
        assert attendee["partstat"] == "ACCEPTED"
        to_client = f"Appointment with {letter.provider_name}"
        assert event["summary"] == (to_client if letter.is_for_client else "Session: D. Q.")


@pytest.mark.parametrize("kind", NAMES)
def test_any_name_reads_as_it_was_written(read: Read, kind: str) -> None:
    name, mail = line(NAMES[kind]), read.found[f"named-{kind}.eml"]
    assert mail["from"]["name"] == name
    assert [to["name"] for to in mail["replyTo"]] == [name]
    assert [to["address"] for to in mail["replyTo"]] == [DESK]
    assert mail["subject"].endswith("\N{EN DASH} " + name.replace("=?", "= ?"))
    assert name in mail["text"]
    assert "bcc" not in mail["headers"]
    for calendar in invites(mail):
        [event] = calendar["events"]
        assert event["summary"] == f"Appointment with {name}"
        assert event["location"] == name
        assert event["organizer"]["cn"] == name.translate(IN_PARAMETERS)
        assert event["organizer"]["address"] == f"mailto:{DESK}"


@pytest.mark.parametrize("kind", NAMES)
def test_a_pages_file_and_a_feed_read_as_they_were_written(read: Read, kind: str) -> None:
    number, name = list(NAMES).index(kind), line(NAMES[kind])
    for calendar in read.calendars(f"page-{kind}.ics"):
        [event] = calendar["events"]
        assert calendar["method"] == "PUBLISH"
        assert (event["uid"], event["sequence"], event["status"]) == ("1@attune", 3, "CONFIRMED")
        assert line(event["summary"]) == f"Appointment with {name}"
        assert line(event["location"]) == name
        assert event["description"] == LINK
    for calendar in read.calendars("feed.ics"):
        [event] = [event for event in calendar["events"] if event["sequence"] == number]
        assert event["location"] == name
        assert event["start"] == "2026-03-03T15:00:00.000Z"
        assert name not in event["summary"]


def test_a_request_is_tentative_in_a_pages_file(read: Read) -> None:
    for calendar in read.calendars("page-requested.ics"):
        assert [event["status"] for event in calendar["events"]] == ["TENTATIVE"]
