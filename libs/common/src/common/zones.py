"""Time zones from the pinned `tzdata` wheel, never from the machine's files (spec AV-5)."""

import zoneinfo
from functools import cache
from importlib import metadata, resources
from zoneinfo import ZoneInfo

from common.config import Misconfigured
from common.errors import Invalid

OLDEST = "2026.6"
"""The release of tzdata that `requirements/` pins. Governments change time zones, and sessions
would start at the wrong hour with an older release, so a process with one does not start."""
VERSION = metadata.version("tzdata")
if [int(n) for n in VERSION.split(".")] < [int(n) for n in OLDEST.split(".")]:
    raise Misconfigured(f"tzdata {VERSION} is installed; {OLDEST} or newer is needed")

zoneinfo.reset_tzpath(to=())
# Factory means that no zone is set.
NAMES = frozenset(zoneinfo.available_timezones() - {"Factory"})


class UnknownZone(Invalid):
    """Must be a time zone name, such as America/New_York."""


def zone(name: str, field: str = "timezone") -> ZoneInfo:
    """Return the time zone in a request's field. Raises UnknownZone, which names the field."""
    if name not in NAMES:
        raise UnknownZone(field=field)
    return ZoneInfo(name)


def find(text: str) -> str:
    """Return the name of a zone as people write it in links, such as `america/new york`, or "".

    Case does not matter, and a space stands for an underscore.
    """
    return _by_spelling().get(text.strip().replace(" ", "_").lower(), "")


@cache
def _by_spelling() -> dict[str, str]:
    return {name.lower(): name for name in NAMES}


def country_of(name: str) -> str:
    """Return the country of a place of the tz database (ISO 3166-1), such as US; empty without."""
    return _countries().get(name, "")


@cache
def _countries() -> dict[str, str]:
    table = (resources.files("tzdata") / "zoneinfo" / "zone.tab").read_text("utf-8")
    rows = (line.split("\t") for line in table.splitlines() if not line.startswith("#"))
    return {place: country for country, _, place, *_ in rows}
