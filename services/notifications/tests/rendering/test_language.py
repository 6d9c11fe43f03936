"""Emails in other languages: nothing that people read is left out of the catalogs."""

import re
from email.message import EmailMessage

import pytest
from icalendar import Calendar

from attune.booking.v1 import booking_pb2 as pb
from common import phones
from common.texts import Catalogs
from notifications.rendering import words
from notifications.rendering.letter import Letter
from notifications.rendering.message import compose
from services.notifications.tests.letters import STATES, make_letter
from tests import brackets

pytestmark = pytest.mark.req("NT-6")
LANGUAGES = ("en", "eo", "de", "ja", "pt", "ar", "he")


@pytest.fixture(scope="module")
def catalogs(tmp_path_factory: pytest.TempPathFactory) -> Catalogs:
    return brackets.catalogs("notifications", tmp_path_factory.mktemp("locale"), *LANGUAGES)


def part(message: EmailMessage, kind: str) -> str:
    found = message.get_body((kind,))
    assert isinstance(found, EmailMessage)
    return str(found.get_content())


def texts(message: EmailMessage) -> list[str]:
    """All that the reader of a message sees, and what its invite shows."""
    shown = [
        str(message["Subject"]),
        part(message, "plain"),
        *brackets.visible(part(message, "html")),
    ]
    for file in message.iter_attachments():
        [event] = Calendar.from_ical(file.get_content()).events
        shown += [str(event["SUMMARY"]), str(event["DESCRIPTION"])]
    return shown


def data(letter: Letter) -> list[str]:
    """What a message says that is no text of ours."""
    return [
        *words.times(letter),
        words.place(letter),
        letter.practice_name,
        letter.provider_name,
        letter.booking.contact.name,
        phones.shown(letter.booking.contact.phone),
        letter.links.manage,
        letter.links.book,
        letter.links.join,
    ]


@pytest.mark.parametrize("state", STATES)
def test_every_text_of_a_message_can_be_translated(catalogs: Catalogs, state: str) -> None:
    letter = make_letter(**STATES[state], catalogs=catalogs)
    for text in texts(compose(letter)):
        rest = brackets.outside(text.replace("\xa0", " "))
        for value in filter(None, data(letter)):
            rest = rest.replace(value.replace("\xa0", " "), "")
        assert re.findall(r"\w+", rest) == [], text


@pytest.mark.parametrize(
    ("locale", "language", "direction", "day"),
    [
        ("eo", "eo", "ltr", "mardo"),
        ("de-AT", "de", "ltr", "Dienstag, 3. März 2026"),
        ("ja-JP", "ja", "ltr", "2026年3月3日火曜日"),
        ("pt-BR", "pt", "ltr", "terça-feira, 3 de março de 2026"),
        ("ar-EG", "ar", "rtl", "الثلاثاء"),
        ("he-IL", "he", "rtl", "יום שלישי, 3 במרץ 2026"),
        ("fr-FR", "en", "ltr", "Tuesday, 3 March 2026"),
        ("", "en", "ltr", "Tuesday, March 3, 2026"),
    ],
)
def test_a_client_reads_their_language_where_there_is_a_catalog(
    catalogs: Catalogs, locale: str, language: str, direction: str, day: str
) -> None:
    booking = {"contact": pb.ContactDetails(locale=locale)}
    message = compose(make_letter(booking=booking, catalogs=catalogs))
    html = part(message, "html")
    assert f'<html lang="{language}" dir="{direction}">' in html
    assert message["Content-Language"] == language
    assert "⟦Your appointment is confirmed⟧" in html
    assert day in part(message, "plain")


def test_no_catalog_no_other_language() -> None:
    message = compose(make_letter(booking={"contact": pb.ContactDetails(locale="de-AT")}))
    assert message["Content-Language"] == "en"
    assert "Your appointment is confirmed" in part(message, "plain")


@pytest.mark.req("NT-1", "NT-2")
def test_messages_that_say_other_things_have_other_subjects() -> None:
    said: dict[str, set[str]] = {}
    for state in STATES.values():
        html = part(compose(letter := make_letter(**state)), "html")
        heading = re.findall("<title>([^<]+)</title>", html)[0]
        subject = str(compose(letter)["Subject"]).partition(": ")[0]
        said.setdefault(subject, set()).add(f"{letter.recipient}: {heading}")
    assert {subject: len(headings) for subject, headings in said.items()} == dict.fromkeys(said, 1)
    assert len(said) == len({heading for headings in said.values() for heading in headings})
