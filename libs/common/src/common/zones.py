"""Time zones from the pinned `tzdata` wheel, never from the machine's own files (spec AV-5)."""

import zoneinfo
from importlib import metadata
from zoneinfo import ZoneInfo

from common.config import Misconfigured
from common.errors import Invalid

OLDEST = "2026.6"
"""The release that requirements/ pins. Governments change their rules; with older ones, sessions
would be at wrong hours, so a process that finds them does not start."""
VERSION = metadata.version("tzdata")
if [int(n) for n in VERSION.split(".")] < [int(n) for n in OLDEST.split(".")]:
    raise Misconfigured(f"tzdata {VERSION} is installed; {OLDEST} or newer is needed")

zoneinfo.reset_tzpath(to=())
NAMES = frozenset(zoneinfo.available_timezones())


class UnknownZone(Invalid):
    """This is not a time zone of the tz database, such as Europe/Berlin."""


def zone(name: str, field: str = "timezone") -> ZoneInfo:
    """The zone of that name; raises UnknownZone, naming the field it came in."""
    if name not in NAMES:
        raise UnknownZone(field=field)
    return ZoneInfo(name)
