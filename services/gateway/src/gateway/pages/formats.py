"""Instants, zones and money as a reader writes them."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from importlib import resources
from zoneinfo import ZoneInfo

from babel import Locale, dates, numbers, units

from attune.common.v1 import types_pb2
from common import zones
from gateway.pages.language import text


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


def city(zone_name: str) -> str:
    """Buenos Aires, for America/Argentina/Buenos_Aires"""
    return zone_name.rpartition("/")[2].replace("_", " ")


def zone_label(moment: datetime, zone: ZoneInfo) -> str:
    """Berlin time (UTC+1)"""
    place, shift = city(str(zone)), offset(moment, zone)
    return shift if place == "UTC" else text("%(place)s time (%(shift)s)", place=place, shift=shift)


def money(amount: types_pb2.Money, locale: Locale) -> str:
    """€120.00, or 120,00 €"""
    digits = numbers.get_currency_precision(amount.currency_code)
    value = Decimal(amount.minor_units).scaleb(-digits)
    return numbers.format_currency(value, amount.currency_code, locale=locale)


def minutes(number: int, locale: Locale) -> str:
    """50 min"""
    return str(units.format_unit(number, "duration-minute", "short", locale=locale))


def initials(name: str) -> str:
    """AM, for Dr. Ada Moreno, PhD"""
    words = [w for w in name.partition(",")[0].split() if not w.endswith(".") and w[0].isalpha()]
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper() or "·"


@dataclass(frozen=True)
class ZoneGroup:
    """The zones of one part of the world, for a select: (name, label)."""

    name: str
    zones: tuple[tuple[str, str], ...]


def zone_choices(now: datetime, *chosen: str) -> list[ZoneGroup]:
    """All places of the tz database by region, and what else is chosen already, such as an old
    name that a browser still reports."""
    listed = _listed_zones(now.replace(minute=0, second=0, microsecond=0))
    known = {name for group in listed for name, _ in group.zones}
    others = [name for name in dict.fromkeys(chosen) if name and name not in known]
    extra = tuple((name, f"{name} ({offset(now, ZoneInfo(name))})") for name in others)
    return [*([ZoneGroup("", extra)] if extra else []), *listed]


@lru_cache(maxsize=4)
def _listed_zones(now: datetime) -> list[ZoneGroup]:
    groups: dict[str, list[tuple[str, str]]] = {}
    for name in sorted(_places()):
        region, _, place = name.partition("/")
        label = f"{place.replace('_', ' ').replace('/', ', ')} ({offset(now, ZoneInfo(name))})"
        groups.setdefault(region, []).append((name, label))
    made = [ZoneGroup(region, tuple(listed)) for region, listed in groups.items()]
    return [*made, ZoneGroup("UTC", (("UTC", "UTC"),))]


@lru_cache(maxsize=1)
def _places() -> frozenset[str]:
    table = (resources.files("tzdata") / "zoneinfo" / "zone.tab").read_text("utf-8")
    rows = (line.split("\t") for line in table.splitlines() if not line.startswith("#"))
    return frozenset(row[2] for row in rows) & zones.NAMES
