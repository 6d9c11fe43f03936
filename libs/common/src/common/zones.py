"""Time zones from the pinned `tzdata` wheel, never from the machine's own files (spec AV-5)."""

import zoneinfo
from importlib import metadata
from zoneinfo import ZoneInfo

from common.errors import Invalid

zoneinfo.reset_tzpath(to=())
NAMES = frozenset(zoneinfo.available_timezones())
VERSION = metadata.version("tzdata")


class UnknownZone(Invalid):
    """This is not the name of a time zone of the tz database."""


def zone(name: str, field: str = "timezone") -> ZoneInfo:
    """The zone of that name; raises UnknownZone, naming the field it came in."""
    if name not in NAMES:
        raise UnknownZone(f"{name[:64]!r} is not a time zone of the tz database", field=field)
    return ZoneInfo(name)
