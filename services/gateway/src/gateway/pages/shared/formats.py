"""Instants, zones, and money in the formats of the reader's region."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel import Locale, dates, numbers, units

from attune.availability.v1.availability_pb2 import Practice
from attune.common.v1 import types_pb2
from common import phones, zone_names
from gateway.pages.shared.language import reader


def long_date(day: date, locale: Locale) -> str:
    """Tuesday, 3 November 2026"""
    return dates.format_date(day, "full", locale)


def short_date(day: date, locale: Locale) -> str:
    """Tue, 3 Nov"""
    return dates.format_skeleton("MMMEd", day, locale=locale)


def weekday(day: date, locale: Locale) -> str:
    """Tue"""
    return dates.format_date(day, "EEE", locale)


def month_name(day: date, locale: Locale) -> str:
    """November 2026"""
    return dates.format_skeleton("yMMMM", day, locale=locale)


def clock_time(moment: datetime, zone: ZoneInfo, locale: Locale) -> str:
    """14:30, or 2:30 PM; 1:30 AM (UTC-4) on a date on which the clocks change, since there an hour
    may come twice"""
    local = moment.astimezone(zone)
    words: str = dates.format_time(local, "short", tzinfo=zone, locale=locale)
    return f"{words} ({zone_names.offset(local)})" if clocks_change(local.date(), zone) else words


@lru_cache(maxsize=4096)
def clocks_change(day: date, zone: ZoneInfo) -> bool:
    """Return whether the zone has two UTC offsets on a date."""
    begin, end = (
        datetime(d.year, d.month, d.day, tzinfo=zone) for d in (day, day + timedelta(days=1))
    )
    return begin.utcoffset() != end.utcoffset()


def clock_span(start: datetime, end: datetime, zone: ZoneInfo, locale: Locale) -> str:
    """From 14:30 to 15:20"""
    return f"{clock_time(start, zone, locale)} – {clock_time(end, zone, locale)}"  # noqa: RUF001


def date_time(moment: datetime, zone: ZoneInfo, locale: Locale) -> str:
    """3 Nov 2026, 14:30"""
    day = dates.format_date(moment.astimezone(zone), "medium", locale)
    return f"{day}, {clock_time(moment, zone, locale)}"


def brief(moment: datetime, zone: ZoneInfo, locale: Locale) -> str:
    """Tue, 3 Nov, 14:30"""
    day = short_date(moment.astimezone(zone).date(), locale)
    return f"{day}, {clock_time(moment, zone, locale)}"


def offset(moment: datetime, zone: ZoneInfo) -> str:
    """UTC+5:30"""
    return zone_names.offset(moment.astimezone(zone))


def zone_label(moment: datetime, zone: ZoneInfo) -> str:
    """Eastern Time (UTC-5), or the offset alone for a zone that has no name"""
    name, shift = zone_names.name(str(zone), reader().locale), offset(moment, zone)
    return f"{name} ({shift})" if name else shift


def money(amount: types_pb2.Money, locale: Locale) -> str:
    """€120.00, or 120,00 €"""
    digits = numbers.get_currency_precision(amount.currency_code)
    value = Decimal(amount.minor_units).scaleb(-digits)
    return numbers.format_currency(value, amount.currency_code, locale=locale)


def minutes(number: int, locale: Locale) -> str:
    """50 min"""
    return str(units.format_unit(number, "duration-minute", "short", locale=locale))


@lru_cache(maxsize=16)
def countries(locale: Locale) -> list[tuple[str, str]]:
    """Return code and name of each country that has phone numbers of its own, by name."""
    found = [(code, name) for code, name in locale.territories.items() if phones.is_country(code)]
    return sorted(found, key=lambda country: country[1])


def is_reachable(practice: Practice) -> bool:
    """Return whether the practice says how people can reach it."""
    return bool(practice.phone or practice.email or practice.website)


def site(address: str) -> str:
    """example.com, for https://www.example.com/"""
    return address.partition("://")[2].removeprefix("www.").rstrip("/")


def initials(name: str) -> str:
    """AM, for Dr. Ada Moreno, PhD"""
    words = [w for w in name.partition(",")[0].split() if not w.endswith(".") and w[0].isalpha()]
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper() or "·"
