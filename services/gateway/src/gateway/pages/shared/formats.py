"""Instants, zones, and money in the formats of the reader's region."""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from importlib import resources
from zoneinfo import ZoneInfo

from babel import Locale, dates, numbers, units

from attune.availability.v1.availability_pb2 import Practice
from attune.common.v1 import types_pb2
from common import phones, zones
from gateway.pages.shared.language import text

# Browsers do not report links with other names, such as US/Pacific.
_REGIONS = re.compile("(Africa|America|Antarctica|Asia|Atlantic|Australia|Europe|Indian|Pacific)/")


def long_date(day: date, locale: Locale) -> str:
    """Tuesday, 3 November 2026"""
    return dates.format_date(day, "full", locale)


def short_date(day: date, locale: Locale) -> str:
    """Tue, 3 Nov"""
    return dates.format_skeleton("MMMEd", day, locale=locale)


def month_name(day: date, locale: Locale) -> str:
    """November 2026"""
    return dates.format_skeleton("yMMMM", day, locale=locale)


def clock_time(moment: datetime, zone: ZoneInfo, locale: Locale) -> str:
    """14:30, or 2:30 PM"""
    return dates.format_time(moment.astimezone(zone), "short", tzinfo=zone, locale=locale)


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
    minutes = int((moment.astimezone(zone).utcoffset() or timedelta()).total_seconds()) // 60
    if minutes == 0:
        return "UTC"
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'+' if minutes > 0 else '−'}{hours}{f':{rest:02d}' if rest else ''}"  # noqa: RUF001


def _is_place(zone_name: str) -> bool:
    """Return whether a zone is named for a place. Others, such as Etc/GMT+5 or EST5EDT, have an
    offset in their names, which may be wrong at the moment, or be reversed (POSIX)."""
    return "/" in zone_name and not zone_name.startswith("Etc/")


def city(zone_name: str) -> str:
    """Buenos Aires, for America/Argentina/Buenos_Aires"""
    return zone_name.rpartition("/")[2].replace("_", " ")


def zone_label(moment: datetime, zone: ZoneInfo) -> str:
    """Berlin time (UTC+1), or the offset alone for a zone that is named by an offset"""
    shift = offset(moment, zone)
    if not _is_place(str(zone)):
        return shift
    return text("%(place)s time (%(shift)s)", place=city(str(zone)), shift=shift)


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


@dataclass(frozen=True)
class ZoneChoice:
    """A zone in a select; browsers may still report it by one of the `old` names."""

    name: str
    label: str
    old: str = ""


@dataclass(frozen=True)
class ZoneGroup:
    """The zones of one part of the world."""

    name: str
    zones: tuple[ZoneChoice, ...]


def zone_choices(now: datetime, chosen: str) -> list[ZoneGroup]:
    """Return all places of the tz database by region, and the chosen zone if it is not one."""
    listed = _listed_zones(now.replace(minute=0, second=0, microsecond=0))
    if any(choice.name == chosen for group in listed for choice in group.zones):
        return listed
    shift = offset(now, ZoneInfo(chosen))
    other = ZoneChoice(chosen, f"{chosen} ({shift})" if _is_place(chosen) else shift)
    return [ZoneGroup("", (other,)), *listed]


def present_name(zone_name: str) -> str:
    """Asia/Kolkata, for Asia/Calcutta"""
    return _present_names().get(zone_name, zone_name)


@lru_cache(maxsize=4)
def _listed_zones(now: datetime) -> list[ZoneGroup]:
    groups: dict[str, list[ZoneChoice]] = {}
    for name in sorted(_places()):
        region, _, place = name.partition("/")
        label = f"{place.replace('_', ' ').replace('/', ', ')} ({offset(now, ZoneInfo(name))})"
        old = " ".join(_old_names().get(name, ()))
        groups.setdefault(region, []).append(ZoneChoice(name, label, old))
    made = [ZoneGroup(region, tuple(listed)) for region, listed in groups.items()]
    return [*made, ZoneGroup("UTC", (ZoneChoice("UTC", "UTC", "Etc/UTC Etc/GMT GMT"),))]


@lru_cache(maxsize=1)
def _places() -> frozenset[str]:
    rows = (line.split("\t") for line in _table("zone.tab") if not line.startswith("#"))
    return frozenset(row[2] for row in rows) & zones.NAMES


@lru_cache(maxsize=1)
def _present_names() -> dict[str, str]:
    """Return the new names of places that were renamed, by old name."""
    links = (line.split() for line in _table("tzdata.zi") if line.startswith("L "))
    places = _places()
    return {
        old: new
        for _, new, old in links
        if new in places and old not in places and _REGIONS.match(old)
    }


@lru_cache(maxsize=1)
def _old_names() -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for old, new in _present_names().items():
        names.setdefault(new, []).append(old)
    return names


def _table(name: str) -> list[str]:
    return (resources.files("tzdata") / "zoneinfo" / name).read_text("utf-8").splitlines()
