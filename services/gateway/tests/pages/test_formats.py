"""Formats of instants, zones, and money."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from babel import Locale
from flask import Flask

from attune.common.v1.types_pb2 import Money
from gateway.pages.shared import formats
from gateway.pages.shared.language import reader

US, GERMAN, BRITISH = (Locale.parse(name) for name in ("en_US", "en_DE", "en_GB"))
START = datetime(2026, 11, 3, 14, 30, tzinfo=UTC)
BERLIN, KATHMANDU = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kathmandu")
pytestmark = pytest.mark.req("GW-6")


@pytest.mark.parametrize(
    ("accepted", "tag"),
    [
        ("de-AT,de;q=0.9,en;q=0.8", "en-AT"),
        ("de", "en-DE"),
        ("en-GB", "en-GB"),
        ("fr-FR;q=0.5,en-US;q=0.4", "en-FR"),
        ("ja", "en-001"),
        ("", "en"),
        ("*", "en"),
        ("nonsense!, en_US", "en"),
        ("zh-Hant-TW", "en-001"),
    ],
)
def test_the_reader_gets_our_language_in_the_formats_of_their_region(
    accepted: str, tag: str
) -> None:
    with Flask("test").test_request_context(headers={"Accept-Language": accepted}):
        assert (reader().language, reader().tag) == ("en", tag)


def test_dates_and_times_are_written_as_in_the_region() -> None:
    assert formats.long_date(date(2026, 11, 3), US) == "Tuesday, November 3, 2026"
    assert formats.long_date(date(2026, 11, 3), GERMAN) == "Tuesday, 3 November 2026"
    assert formats.clock_time(START, BERLIN, GERMAN) == "15:30"
    assert formats.clock_time(START, BERLIN, US) == "3:30\u202fPM"
    assert formats.brief(START, KATHMANDU, BRITISH) == "Tue 3 Nov, 20:15"


@pytest.mark.parametrize(
    ("zone", "label"),
    [
        ("America/New_York", "Eastern Time (UTC−5)"),
        ("Europe/Berlin", "Central European Time (UTC+1)"),
        ("Europe/Kyiv", "Kyiv Time (UTC+2)"),
        ("Asia/Kathmandu", "Nepal Time (UTC+5:45)"),
        ("America/Argentina/Buenos_Aires", "Buenos Aires Time (UTC−3)"),
        ("UTC", "UTC"),
        ("Etc/GMT+5", "UTC−5"),
        ("Etc/GMT-14", "UTC+14"),
        ("Etc/UTC", "UTC"),
        ("EST5EDT", "Eastern Time (UTC−5)"),
        ("CET", "Central European Time (UTC+1)"),
        ("GB", "United Kingdom Time (UTC)"),
    ],
)
def test_the_zone_is_named_with_its_offset(zone: str, label: str) -> None:
    with Flask("test").test_request_context():
        assert formats.zone_label(START, ZoneInfo(zone)) == label


def test_the_offset_is_that_of_the_instant() -> None:
    summer = datetime(2026, 7, 1, tzinfo=UTC)
    assert [formats.offset(moment, BERLIN) for moment in (START, summer)] == ["UTC+1", "UTC+2"]


@pytest.mark.parametrize(
    ("minor_units", "currency", "locale", "text"),
    [
        (15000, "USD", US, "$150.00"),
        (15000, "EUR", GERMAN, "150,00\xa0€"),
        (15000, "JPY", US, "¥15,000"),
        (1234567, "KWD", US, "KWD1,234.567"),
    ],
)
def test_money_is_written_in_the_readers_way(
    minor_units: int, currency: str, locale: Locale, text: str
) -> None:
    amount = Money(minor_units=minor_units, currency_code=currency)
    assert formats.money(amount, locale) == text


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("Dana Demo, PhD", "DD"),
        ("Dr. Ada Maria Moreno", "AM"),
        ("Cher", "C"),
        ("Øystein Åse", "ØÅ"),
        ("李小龙", "李"),
        ("...", "·"),
    ],
)
def test_initials_leave_titles_out(name: str, letters: str) -> None:
    assert formats.initials(name) == letters
