"""Names of time zones as people read them: the same words on pages and in emails.

The words are those of CLDR, by Babel. They do not change over the year; the UTC offset does.
"""

from datetime import datetime, timedelta
from functools import lru_cache

from babel import Locale, dates

from common import zones

_MINUS = "\N{MINUS SIGN}"


@lru_cache(maxsize=4096)
def name(zone_name: str, locale: Locale) -> str:
    """Return the common name of a zone, such as `Eastern Time`; `Kyiv Time` where CLDR has only a
    country and a city; empty for a zone that is no place, such as `Etc/GMT+5` or `UTC`."""
    zone = zones.zone(zone_name)
    words = dates.get_timezone_name(zone, width="long", zone_variant="generic", locale=locale)
    cldr_city = dates.get_timezone_location(zone, locale=locale, return_city=True)
    if f"({cldr_city})" not in words:
        return words
    if "/" not in zone_name or zone_name.startswith("Etc/"):
        return ""
    region_format: str = locale.zone_formats["region"]
    return region_format % cldr_city.rpartition("/")[2]


@lru_cache(maxsize=4096)
def city(zone_name: str, locale: Locale) -> str:
    """Return the city that a zone is named for, such as `Buenos Aires`."""
    words = dates.get_timezone_location(zones.zone(zone_name), locale=locale, return_city=True)
    return words.rpartition("/")[2]


def offset(local: datetime) -> str:
    """Return the UTC offset at a local moment, such as `UTC-5` or `UTC+5:45`, with a minus sign."""
    ahead = local.utcoffset() or timedelta()
    hours, minutes = divmod(abs(ahead) // timedelta(minutes=1), 60)
    if not hours and not minutes:
        return "UTC"
    sign = _MINUS if ahead < timedelta() else "+"
    return f"UTC{sign}{hours}" + (f":{minutes:02d}" if minutes else "")
