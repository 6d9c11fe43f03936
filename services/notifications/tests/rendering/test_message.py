"""Every notice as its recipient sees it."""

import re
from base64 import b64decode
from binascii import a2b_qp
from collections.abc import Callable
from datetime import datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from html.parser import HTMLParser
from itertools import product
from typing import Any

import pytest
from icalendar import Calendar

from attune.availability.v1.availability_pb2 import Provider
from attune.booking.v1 import booking_pb2 as pb
from attune.common.v1 import types_pb2
from attune_testing.clock import utc
from notifications.domain.addresses import UnusableAddress
from notifications.domain.notices import Kind, Recipient
from notifications.rendering.letter import Letter, Links
from notifications.rendering.message import compose

MakeLetter = Callable[..., Letter]
CLIENT, PROVIDER = Recipient.CLIENT, Recipient.PROVIDER
DASH = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
WHEN = f"Tuesday, March 3, 2026, 10:00 AM {DASH} 10:50 AM (Eastern Time, UTC{MINUS}5)"
IN_BERLIN = f"Tuesday, March 3, 2026, 4:00 PM {DASH} 4:50 PM (Central European Time, UTC+1)"
TOLD = [
    *product([CLIENT], [k for k in Kind if k is not Kind.CANCELLATION_REQUESTED]),
    (PROVIDER, Kind.BOOKING_REQUESTED),
    (PROVIDER, Kind.BOOKING_CONFIRMED),
    (PROVIDER, Kind.BOOKING_CANCELLED),
    (PROVIDER, Kind.CANCELLATION_REQUESTED),
]

OVER = (Kind.BOOKING_DECLINED, Kind.BOOKING_EXPIRED, Kind.BOOKING_CANCELLED)


def received(message: EmailMessage) -> EmailMessage:
    """Return a message as it arrives after transport."""
    return message_from_bytes(message.as_bytes(), _class=EmailMessage, policy=default)


def body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert isinstance(part, EmailMessage)
    content: str = part.get_content()
    return content.replace("\r\n", "\n")


def shown(html: str) -> str:
    """Return the visible text of a page, with white space normalized."""
    page = _Page()
    page.feed(html)
    return " ".join(" ".join(page.texts).split())


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def invite(message: EmailMessage) -> Any:
    """Return the only event of the invite, and the calendar's METHOD."""
    [part] = [p for p in message.walk() if p.get_content_type() == "text/calendar"]
    calendar = Calendar.from_ical(part.get_content())
    [event] = calendar.events
    return calendar["METHOD"], event


@pytest.mark.req("NT-2")
def test_a_client_reads_when_where_and_how_to_join_or_cancel(make_letter: MakeLetter) -> None:
    letter = make_letter()
    message = received(compose(letter))
    assert body(message, "plain") == (
        "Riverside Practice\n\n"
        "Your appointment is confirmed\n\n"
        "Hello,\n\n"
        "A calendar invite is attached.\n\n"
        "Need to cancel? Please contact Riverside Practice.\n\n"
        f"When: {WHEN}\n"
        "Where: Video call\n"
        "With: Pat Provider\n\n"
        "Join the video session:\nhttps://attune.example/join/join-token\n\n"
        "View your appointment:\nhttps://attune.example/manage/manage-token\n\n"
        "--\n"
        "Sent on behalf of Riverside Practice.\nPlease don't reply to this email.\n"
    )
    html = body(message, "html")
    assert f"When {WHEN} Where Video call With Pat Provider" in shown(html)
    assert re.findall(r'href="([^"]+)"', html) == [
        "https://attune.example/join/join-token",
        "https://attune.example/manage/manage-token",
    ]


@pytest.mark.req("NT-2")
def test_the_headers(make_letter: MakeLetter) -> None:
    letter = make_letter()
    message = received(compose(letter))
    assert {name: str(message[name]) for name in ("From", "To", "Subject", "Date")} == {
        "From": "Riverside Practice <no-reply@attune.example>",
        "To": "dana@client.example",
        "Subject": f"Confirmed: Tue, Mar 3, 10:00 AM {DASH} Riverside Practice",
        "Date": "Sun, 01 Mar 2026 12:00:00 +0000",
    }
    assert message["Message-ID"] == f"<{letter.notice_id}@attune.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Reply-To"] is None
    assert compose(letter)["Message-ID"] == message["Message-ID"]


@pytest.mark.req("NT-1", "NT-2")
@pytest.mark.parametrize(("recipient", "kind"), TOLD)
def test_every_notice_says_when_in_text_and_html(
    make_letter: MakeLetter, recipient: Recipient, kind: Kind
) -> None:
    letter = make_letter(kind, recipient)
    message = received(compose(letter))
    moment = WHEN if recipient is CLIENT else IN_BERLIN
    text, html = body(message, "plain"), body(message, "html")
    assert f"When: {moment}" in text
    assert f"When {moment}" in shown(html)
    for part in (text, html):
        assert "Riverside Practice" in part
        assert letter.links.manage in part
    assert ("10:00 AM" if recipient is CLIENT else "4:00 PM") in message["Subject"]
    assert message["Subject"].endswith(f"{DASH} Riverside Practice")
    [address] = message["To"].addresses
    assert address.addr_spec == letter.to


@pytest.mark.req("NT-2")
@pytest.mark.parametrize(("recipient", "kind"), TOLD)
@pytest.mark.parametrize("mode", [*types_pb2.Mode.values()][1:])
def test_no_notice_tells_of_the_care(
    make_letter: MakeLetter, recipient: Recipient, kind: Kind, mode: "types_pb2.Mode.ValueType"
) -> None:
    letter = make_letter(kind, recipient, booking={"mode": mode}, invited=True)
    everything = " ".join(
        part.get_content() if part.get_content_maintype() == "text" else str(part.items())
        for part in received(compose(letter)).walk()
    )
    everything += str(compose(letter)["Subject"])
    for words in ("Trauma", "trauma", "cannot sleep", "is ill"):
        assert words not in everything
    called = mode == types_pb2.MODE_PHONE and kind not in OVER
    assert ("212-555-0123" in everything) is called


@pytest.mark.req("NT-2")
def test_what_a_visitor_typed_reaches_no_clients_mail(make_letter: MakeLetter) -> None:
    name = "Win now at http://spam.example"
    letter = make_letter(
        booking={"contact": pb.ContactDetails(name=name), "address": "1 River Street"}
    )
    for part in received(compose(letter)).walk():
        if part.get_content_maintype() != "multipart":
            assert "spam.example" not in str(part.get_content())


@pytest.mark.req("NT-2")
def test_a_providers_mail_names_the_client_and_leads_to_the_console(
    make_letter: MakeLetter,
) -> None:
    console = Links("https://attune.example/console/bookings/1")
    letter = make_letter(Kind.BOOKING_REQUESTED, PROVIDER, links=console)
    message = received(compose(letter))
    assert "Client: Dana Quillfeather" in body(message, "plain")
    assert "Dana" not in message["Subject"]
    assert re.findall(r'href="([^"]+)"', body(message, "html")) == [console.manage]


@pytest.mark.req("NT-2")
@pytest.mark.parametrize(
    ("mode", "recipient", "changes", "where"),
    [
        (types_pb2.MODE_IN_PERSON, CLIENT, {}, "1 River Street"),
        (types_pb2.MODE_IN_PERSON, CLIENT, {"address": "2 Lake\nRoad"}, "2 Lake Road"),
        (types_pb2.MODE_PHONE, CLIENT, {}, "Phone call. We'll call you at +1 212-555-0123."),
        (types_pb2.MODE_PHONE, PROVIDER, {}, "Phone call. Call the client at +1 212-555-0123."),
        (types_pb2.MODE_TELEHEALTH, PROVIDER, {}, "Video call"),
    ],
)
def test_where_it_is(
    make_letter: MakeLetter,
    mode: "types_pb2.Mode.ValueType",
    recipient: Recipient,
    changes: dict[str, str],
    where: str,
) -> None:
    letter = make_letter(recipient=recipient, booking={"mode": mode, **changes})
    message = received(compose(letter))
    assert f"Where: {where}\n" in body(message, "plain")
    assert f"Where {where}" in shown(body(message, "html"))


@pytest.mark.req("NT-2", "PF-13")
def test_without_a_room_the_mail_points_to_the_manage_page(make_letter: MakeLetter) -> None:
    message = received(compose(make_letter(links=Links("https://attune.example/manage/t"))))
    text = body(message, "plain")
    assert "Where: Video call. Find the link on your appointment page.\n" in text
    assert "Join" not in text
    assert invite(message)[1]["URL"] == "https://attune.example/manage/t"


@pytest.mark.req("NT-1")
@pytest.mark.parametrize(
    ("cancelled_by", "changes", "words"),
    [
        (pb.CANCELLED_BY_CLIENT, "", "You canceled this appointment."),
        (pb.CANCELLED_BY_CLIENT, "confirmed", "You canceled this appointment."),
        (pb.CANCELLED_BY_CLIENT, "requested confirmed", "You canceled this appointment."),
        (pb.CANCELLED_BY_CLIENT, "requested", "You withdrew this request"),
        (
            pb.CANCELLED_BY_CLIENT,
            "confirmed cancellation_requested",
            "You asked to cancel, and Riverside Practice agreed.",
        ),
        (
            pb.CANCELLED_BY_CLIENT,
            "confirmed cancellation_requested cancellation_declined",
            "You canceled this appointment.",
        ),
        (pb.CANCELLED_BY_PRACTICE, "confirmed", "Riverside Practice canceled this appointment."),
        (pb.CANCELLED_BY_PRACTICE, "requested", "Riverside Practice canceled this request"),
        (
            pb.CANCELLED_BY_PRACTICE,
            "confirmed cancellation_requested",
            "Riverside Practice canceled this appointment.",
        ),
    ],
)
def test_a_cancellation_says_whose_it_was(
    make_letter: MakeLetter, cancelled_by: "pb.CancelledBy.ValueType", changes: str, words: str
) -> None:
    history = [pb.HistoryEntry(change=change) for change in (*changes.split(), "cancelled")]
    booking = {"cancelled_by": cancelled_by, "history": history if changes else []}
    text = body(received(compose(make_letter(Kind.BOOKING_CANCELLED, booking=booking))), "plain")
    assert words in text
    hinted = "Riverside Practice left you a message." in text
    assert hinted is (cancelled_by == pb.CANCELLED_BY_PRACTICE)
    assert "https://attune.example/book/pat" in text
    assert "Join" not in text
    assert "Where" not in text


@pytest.mark.req("NT-1")
def test_a_request_that_was_answered_before_its_notice_left_is_not_put_again(
    make_letter: MakeLetter,
) -> None:
    asked = {"status": pb.BOOKING_STATUS_REQUESTED}
    waiting = compose(make_letter(Kind.BOOKING_REQUESTED, PROVIDER, booking=asked))
    answered = compose(make_letter(Kind.BOOKING_REQUESTED, PROVIDER))
    assert "until you confirm or decline" in body(received(waiting), "plain")
    assert "You've already responded" in body(received(answered), "plain")


@pytest.mark.req("NT-2")
def test_the_message_is_built_as_calendars_want_it(make_letter: MakeLetter) -> None:
    message = received(compose(make_letter()))
    assert [p.get_content_type() for p in message.walk()] == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "text/html",
        "text/calendar",
        "application/ics",
    ]
    calendar, file = [*message.walk()][-2:]
    assert (calendar.get_param("method"), calendar.get_content_charset()) == ("REQUEST", "utf-8")
    assert (file.get_content_disposition(), file.get_filename()) == ("attachment", "invite.ics")
    assert file.get_content().decode() == calendar.get_content()


@pytest.mark.req("NT-2")
@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-03-03 15:00", "2026-03-03 15:50"),
        ("2026-03-08 06:30", "2026-03-08 07:20"),  # New York springs forward at 07:00
        ("2026-11-01 05:30", "2026-11-01 06:20"),  # and falls back at 06:00
    ],
)
@pytest.mark.parametrize("zone", ["America/New_York", "Australia/Lord_Howe", "UTC"])
def test_an_invite_is_at_the_right_instant_over_daylight_saving(
    make_letter: MakeLetter, start: str, end: str, zone: str
) -> None:
    contact = pb.ContactDetails(timezone=zone)
    letter = make_letter(start=start, end=end, booking={"contact": contact})
    method, event = invite(received(compose(letter)))
    assert method == "REQUEST"
    assert (event["DTSTART"].dt, event["DTEND"].dt) == (letter.start, letter.end)
    assert event["DTSTART"].to_ical() == f"{letter.start:%Y%m%dT%H%M%SZ}".encode()
    assert isinstance(event["DTSTAMP"].dt, datetime)


@pytest.mark.req("NT-2")
@pytest.mark.parametrize("recipient", list(Recipient))
def test_what_an_invite_says(make_letter: MakeLetter, recipient: Recipient) -> None:
    letter = make_letter(recipient=recipient)
    message = received(compose(letter))
    _, event = invite(message)
    assert event["UID"] == f"{letter.booking.booking_id}@attune"
    assert event["SEQUENCE"] == 3
    assert event["STATUS"] == "CONFIRMED"
    titles = {CLIENT: "Appointment with Pat Provider", PROVIDER: "Session: D. Q."}
    assert event["SUMMARY"] == titles[recipient]
    assert event["DESCRIPTION"] == f"View or change: {letter.links.manage}"
    assert event["ORGANIZER"] == "mailto:no-reply@attune.example"
    assert event["ORGANIZER"].params["CN"] == "Riverside Practice"
    assert event["ATTENDEE"] == f"mailto:{letter.to}"
    assert event["LOCATION"] == event["URL"] == "https://attune.example/join/join-token"
    other = "dana" if recipient is PROVIDER else "pat@"
    text = event.to_ical().decode().lower()
    assert other not in text
    assert "quillfeather" not in text


@pytest.mark.req("NT-2")
def test_an_invite_is_folded_with_crlf(make_letter: MakeLetter) -> None:
    name = 'Praxis "Müller, Söhne"; Gruppe \\ Mitte ' + "ü" * 80
    message = received(compose(make_letter(practice={"name": name})))
    file = [*message.walk()][-1].get_content()
    lines = file.split(b"\r\n")
    assert b"\n" not in b"".join(lines)
    assert max(len(line) for line in lines) <= 75
    _, event = invite(message)
    assert event["ORGANIZER"].params["CN"] == name.translate(str.maketrans('";\\', "',/"))


@pytest.mark.req("NT-2", "CN-5")
@pytest.mark.parametrize("recipient", list(Recipient))
def test_a_cancellation_withdraws_the_invite(make_letter: MakeLetter, recipient: Recipient) -> None:
    booked = make_letter(recipient=recipient)
    off = {"version": 4, "booking_id": booked.booking.booking_id}
    cancelled = make_letter(Kind.BOOKING_CANCELLED, recipient, booking=off, invited=True)
    (_, before), (method, after) = (invite(received(compose(m))) for m in (booked, cancelled))
    assert (method, after["STATUS"]) == ("CANCEL", "CANCELLED")
    assert after["UID"] == before["UID"]
    assert after["SEQUENCE"] > before["SEQUENCE"]


@pytest.mark.req("NT-2")
@pytest.mark.parametrize(
    ("recipient", "kind"), [told for told in TOLD if told[1] is not Kind.BOOKING_CONFIRMED]
)
def test_what_was_never_confirmed_has_no_invite(
    make_letter: MakeLetter, recipient: Recipient, kind: Kind
) -> None:
    message = compose(make_letter(kind, recipient, invited=False))
    assert message.get_content_type() == "multipart/alternative"
    assert [p.get_content_type() for p in message.iter_parts()] == ["text/plain", "text/html"]


@pytest.mark.req("NT-2")
def test_names_cannot_break_headers_or_pages(make_letter: MakeLetter) -> None:
    letter = make_letter(
        practice={"name": 'Evil\r\nBcc: eve@x.example, "<b>"\u2028\0 & Söhne'},
        provider=Provider(display_name="<script>alert(1)</script>", timezone="Europe/Berlin"),
    )
    message = received(compose(letter))
    name = 'Evil Bcc: eve@x.example, "<b>" & Söhne'
    assert [a.display_name for a in message["From"].addresses] == [name]
    assert message["Bcc"] is None
    html = body(message, "html")
    assert "<script>" not in html
    assert "<b>" not in html
    assert name in shown(html)


@pytest.mark.parametrize(
    ("recipient", "changes"),
    [
        (CLIENT, {"booking": {"contact": pb.ContactDetails(email="not an address")}}),
        (PROVIDER, {"provider": Provider(display_name="Pat")}),
    ],
)
def test_without_an_address_there_is_no_message(
    make_letter: MakeLetter, recipient: Recipient, changes: dict[str, Any]
) -> None:
    with pytest.raises(UnusableAddress):
        compose(make_letter(recipient=recipient, **changes))


@pytest.mark.req("NT-2")
def test_a_client_without_a_known_zone_reads_the_providers(make_letter: MakeLetter) -> None:
    letter = make_letter(booking={"contact": pb.ContactDetails(timezone="Mars/Olympus")})
    assert IN_BERLIN in body(compose(letter), "plain")


@pytest.mark.req("NT-1", "NT-2")
def test_no_two_notices_share_a_subject(make_letter: MakeLetter) -> None:
    subjects = [str(compose(make_letter(kind, recipient))["Subject"]) for recipient, kind in TOLD]
    assert len(set(subjects)) == len(TOLD)


@pytest.mark.req("NT-1")
@pytest.mark.parametrize("recipient", list(Recipient))
def test_a_withdrawn_request_is_no_canceled_appointment(
    make_letter: MakeLetter, recipient: Recipient
) -> None:
    def history(*changes: str) -> list[pb.HistoryEntry]:
        return [pb.HistoryEntry(change=change) for change in changes]

    by_client = {"cancelled_by": pb.CANCELLED_BY_CLIENT}
    withdrawn = by_client | {"history": history("requested", "cancelled")}
    cancelled = by_client | {"history": history("requested", "confirmed", "cancelled")}
    one = compose(make_letter(Kind.BOOKING_CANCELLED, recipient, booking=withdrawn))
    other = compose(make_letter(Kind.BOOKING_CANCELLED, recipient, booking=cancelled))
    assert str(one["Subject"]).startswith("Request withdrawn")
    assert "appointment" not in body(one, "plain")
    assert str(other["Subject"]).startswith("Canceled")


@pytest.mark.req("NT-2")
def test_replies_and_invites_go_to_the_practice_where_it_has_an_address(
    make_letter: MakeLetter,
) -> None:
    desk = {"email": "desk@riverside.example", "phone": "+12125550142", "country": "US"}
    message = received(compose(make_letter(practice=desk)))
    assert str(message["Reply-To"]) == "Riverside Practice <desk@riverside.example>"
    assert invite(message)[1]["ORGANIZER"] == "mailto:desk@riverside.example"
    text = body(message, "plain")
    reach = "Call Riverside Practice at +1 212-555-0142, or email desk@riverside.example."
    assert f"Questions? {reach}\n" in text
    assert "Replies go to desk@riverside.example." in text


@pytest.mark.req("NT-2")
@pytest.mark.parametrize(
    ("email", "mailed"),
    [
        ("desk@straße.example", "desk@xn--strae-oqa.example"),
        ("desk@müller.example", "desk@xn--mller-kva.example"),
        ("desk@пример.example", "desk@xn--e1afmkfd.example"),
        ("desk@例え.example", "desk@xn--r8jz45g.example"),
        ("Desk@Riverside.example", "Desk@riverside.example"),
    ],
)
def test_the_practices_address_is_shown_as_it_is_written(
    make_letter: MakeLetter, email: str, mailed: str
) -> None:
    message = received(compose(make_letter(practice={"email": email})))
    assert [a.addr_spec for a in message["Reply-To"].addresses] == [mailed]
    for part in (body(message, "plain"), shown(body(message, "html"))):
        assert f"Questions? Email Riverside Practice at {email}." in part
        assert f"Replies go to {email}." in part


@pytest.mark.req("CN-2", "NT-2")
def test_a_confirmation_says_until_when_one_can_cancel(make_letter: MakeLetter) -> None:
    letter = make_letter(booking={"client_may_cancel": True})
    letter.booking.cancel_until_time.FromDatetime(utc("2026-03-02 15:00"))
    until = f"Monday, March 2, 2026, 10:00 AM (Eastern Time, UTC{MINUS}5)"
    assert f"Free to cancel online until {until}." in body(compose(letter), "plain")


@pytest.mark.req("BK-13")
@pytest.mark.parametrize("recipient", list(Recipient))
def test_in_person_the_zone_of_the_place_comes_first(
    make_letter: MakeLetter, recipient: Recipient
) -> None:
    kathmandu = {"contact": pb.ContactDetails(timezone="Asia/Kathmandu")}
    in_person = {"mode": types_pb2.MODE_IN_PERSON} | kathmandu
    place = {"timezone": "America/New_York"}
    message = received(compose(make_letter(recipient=recipient, booking=in_person, practice=place)))
    there = f"Tuesday, March 3, 2026, 8:45 PM {DASH} 9:35 PM (Nepal Time, UTC+5:45)"
    own = there if recipient is CLIENT else IN_BERLIN
    assert f"When: {WHEN}\n      {own}\n" in body(message, "plain")
    assert f"When {WHEN} {own}" in shown(body(message, "html"))


@pytest.mark.req("NT-2")
@pytest.mark.parametrize(
    ("locale", "words"),
    [
        ("en-US", f"Tuesday, March 3, 2026, 10:00 AM {DASH} 10:50 AM"),
        ("en-GB", f"Tuesday, 3 March 2026, 10:00 {DASH} 10:50"),
        ("de-DE", f"Tuesday, 3 March 2026, 10:00 {DASH} 10:50"),
        ("en-IN", f"Tuesday, 3 March 2026, 10:00 am {DASH} 10:50 am"),
        ("xx-ZZ", f"Tuesday, March 3, 2026, 10:00 AM {DASH} 10:50 AM"),
        ("", f"Tuesday, March 3, 2026, 10:00 AM {DASH} 10:50 AM"),
    ],
)
def test_a_client_reads_the_formats_in_which_they_booked(
    make_letter: MakeLetter, locale: str, words: str
) -> None:
    letter = make_letter(booking={"contact": pb.ContactDetails(locale=locale)})
    assert words in body(compose(letter), "plain")


NAMES = [
    "Центр семейной психотерапии Санкт Петербург",
    "Praxis für Psychotherapie und Beratung am Müggelsee in Köpenick",
    "Κέντρο Ψυχοθεραπείας και Συμβουλευτικής Θεσσαλονίκης",
    "مركز الأمل للعلاج النفسي والأسري في الرياض",
    "मानसिक स्वास्थ्य और परामर्श केंद्र नई दिल्ली",
    "مرکز مشاوره علی\u200cرضا و همکاران در تهران",
    "心理咨询 与 治疗 中心 北京",
    'Riverside  Practice, "Elm" & Söhne',
    'Riverside Practice, "Elm"',
]


@pytest.mark.req("NT-2")
@pytest.mark.parametrize("name", NAMES)
def test_a_header_reads_as_it_was_written(make_letter: MakeLetter, name: str) -> None:
    """Read by the rules of RFC 2047, not by the library that wrote it."""
    letter = make_letter(practice={"name": name, "email": "desk@riverside.example"})
    raw = compose(letter).as_bytes().partition(b"\r\n\r\n")[0]
    assert max(map(len, raw.split(b"\r\n"))) <= 78
    read = {
        field.partition(":")[0]: rfc2047(field.partition(":")[2].strip())
        for field in raw.decode("ascii").replace("\r\n ", " ").split("\r\n")
    }
    expected = " ".join(name.split())
    assert read["Subject"] == f"Confirmed: Tue, Mar 3, 10:00 AM {DASH} {expected}"
    for header, address in (("From", letter.sender), ("Reply-To", "desk@riverside.example")):
        phrase = read[header].removesuffix(f"<{address}>").strip()
        if name.isascii():  # a quoted string
            phrase = phrase[1:-1].replace('\\"', '"')
        assert phrase == expected


def rfc2047(text: str) -> str:
    """Return the text of a header: spaces between two encoded words do not count (RFC 2047
    §6.2)."""
    word = re.compile(r"=\?([\w-]+)\?([bq])\?([^?\s]*)\?=", re.IGNORECASE)
    joined = re.sub(r"(\?=)\s+(?==\?[\w-]+\?[bqBQ]\?)", r"\1", text)

    def decode(found: re.Match[str]) -> str:
        charset, kind, encoded = found.groups()
        assert len(found[0]) <= 75
        if kind.lower() == "b":
            return b64decode(encoded).decode(charset)
        return a2b_qp(encoded, header=True).decode(charset)

    return word.sub(decode, joined)
