"""The time zones that a reader can choose from, and their present names."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from importlib import resources
from zoneinfo import ZoneInfo

from babel import Locale

from common import zone_names, zones
from gateway.pages.shared.language import reader

# Browsers do not report links with other names, such as US/Pacific.
_REGIONS = re.compile("(Africa|America|Antarctica|Asia|Atlantic|Australia|Europe|Indian|Pacific)/")
_HALF_A_YEAR = timedelta(days=182)
_UTC = "UTC"
_OTHER_UTC = ("Etc/UTC", "Etc/UCT", "Etc/GMT", "UCT", "GMT", "Zulu", "Universal", "Greenwich")


@dataclass(frozen=True)
class ZoneChoice:
    """A zone as people choose it; browsers may still report it by one of the `old` names."""

    name: str
    label: str
    """Eastern Time - New York (UTC-5)"""
    country: str = ""
    old: str = ""

    def fits(self, wanted: str) -> bool:
        """Return whether every word of a search begins a word of the zone's names."""
        known = _words(f"{self.label} {self.country} {self.name} {self.old}")
        return all(any(w.startswith(part) for w in known) for part in _words(wanted))


@dataclass(frozen=True)
class ZoneGroup:
    """The zones of one part of the world."""

    name: str
    zones: tuple[ZoneChoice, ...]


def listed(now: datetime) -> list[ZoneGroup]:
    """Return all places of the tz database by region, named for this reader."""
    return _listed(reader().locale, now.replace(minute=0, second=0, microsecond=0))


def with_chosen(now: datetime, chosen: str) -> list[ZoneGroup]:
    """Return all places by region, and the chosen zone if it is not one of them."""
    groups = listed(now)
    if any(choice.name == chosen for group in groups for choice in group.zones):
        return groups
    return [ZoneGroup("", (_choice(chosen, now, reader().locale),)), *groups]


def suggested(now: datetime, first: Iterable[str], country: str) -> list[ZoneChoice]:
    """Return the zones in `first`, then one for each time that is kept in a country; zones that
    agree in winter and in summer are one."""
    chosen = {name: _clock_of(name, now) for name in first}
    for name in _places_of(country):
        if _clock_of(name, now) not in chosen.values():
            chosen[name] = _clock_of(name, now)
    return [_choice(name, now, reader().locale) for name in chosen]


def search(groups: Sequence[ZoneGroup], wanted: str) -> list[ZoneGroup]:
    """Return the groups with the zones that fit a search; all of them for an empty one."""
    found = (
        ZoneGroup(group.name, tuple(zone for zone in group.zones if zone.fits(wanted)))
        for group in groups
    )
    return [group for group in found if group.zones]


def present_name(zone_name: str) -> str:
    """Asia/Kolkata, for Asia/Calcutta"""
    return _present_names().get(zone_name, zone_name)


def names_of(zone_name: str) -> list[str]:
    """Return all names by which a browser may report a zone, its present name first."""
    return [zone_name, *_old_names().get(zone_name, ())]


def _words(names: str) -> set[str]:
    plain = names.casefold().replace("_", " ").replace("-", "\N{MINUS SIGN}")
    return set(re.split(r"[^\w+:\N{MINUS SIGN}]+", plain)) - {""}


@lru_cache(maxsize=16)
def _listed(locale: Locale, now: datetime) -> list[ZoneGroup]:
    groups: dict[str, list[ZoneChoice]] = {}
    for name in _places():
        groups.setdefault(name.partition("/")[0], []).append(_choice(name, now, locale))
    made = [
        ZoneGroup(region, tuple(sorted(choices, key=lambda choice: choice.label)))
        for region, choices in sorted(groups.items())
    ]
    return [*made, ZoneGroup(_UTC, (_choice(_UTC, now, locale),))]


def _choice(name: str, now: datetime, locale: Locale) -> ZoneChoice:
    words = zone_names.name(name, locale)
    shift = zone_names.offset(now.astimezone(ZoneInfo(name)))
    if not words:
        return ZoneChoice(name, shift, old=" ".join(names_of(name)[1:]))
    place = zone_names.city(name, locale)
    label = words if place in words else f"{words} \N{EN DASH} {place}"
    country: str = locale.territories.get(zones.country_of(name), "")
    return ZoneChoice(name, f"{label} ({shift})", country, " ".join(names_of(name)[1:]))


def _clock_of(name: str, now: datetime) -> tuple[timedelta | None, ...]:
    moments = (now, now + _HALF_A_YEAR)
    return tuple(moment.astimezone(ZoneInfo(name)).utcoffset() for moment in moments)


@lru_cache(maxsize=1)
def _places() -> tuple[str, ...]:
    """Return all places, the larger ones of each country first."""
    rows = (line.split("\t") for line in _table("zone.tab") if not line.startswith("#"))
    return tuple(row[2] for row in rows if row[2] in zones.NAMES)


def _places_of(country: str) -> list[str]:
    return [name for name in _places() if country and zones.country_of(name) == country]


@lru_cache(maxsize=1)
def _present_names() -> dict[str, str]:
    """Return the new names of places that were renamed, by old name."""
    links = (line.split() for line in _table("tzdata.zi") if line.startswith("L "))
    places = set(_places())
    renamed = {
        old: new
        for _, new, old in links
        if new in places and old not in places and _REGIONS.match(old)
    }
    return renamed | dict.fromkeys(_OTHER_UTC, _UTC)


@lru_cache(maxsize=1)
def _old_names() -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for old, new in _present_names().items():
        names.setdefault(new, []).append(old)
    return names


def _table(name: str) -> list[str]:
    return (resources.files("tzdata") / "zoneinfo" / name).read_text("utf-8").splitlines()
