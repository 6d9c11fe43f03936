"""Times in words."""

import pytest
from babel import Locale
from hypothesis import given
from hypothesis import strategies as st

from attune_testing.clock import utc
from common import zones
from notifications.rendering import when

pytestmark = pytest.mark.req("NT-2")
DASH, MINUS = "\N{EN DASH}", "\N{MINUS SIGN}"
US, GB = Locale.parse("en_US"), Locale.parse("en_GB")


@pytest.mark.parametrize(
    ("start", "end", "zone", "words"),
    [
        (
            "2026-03-03 15:00",
            "2026-03-03 15:50",
            "America/New_York",
            f"Tuesday, March 3, 2026, 10:00 AM {DASH} 10:50 AM (Eastern Time, UTC{MINUS}5)",
        ),
        (
            "2026-07-03 15:00",
            "2026-07-03 15:50",
            "America/New_York",
            f"Friday, July 3, 2026, 11:00 AM {DASH} 11:50 AM (Eastern Time, UTC{MINUS}4)",
        ),
        (
            "2026-03-03 15:00",
            "2026-03-03 16:00",
            "Asia/Kathmandu",
            f"Tuesday, March 3, 2026, 8:45 PM {DASH} 9:45 PM (Nepal Time, UTC+5:45)",
        ),
        (
            "2026-03-03 13:15",
            "2026-03-03 14:15",
            "Pacific/Marquesas",
            f"Tuesday, March 3, 2026, 3:45 AM {DASH} 4:45 AM (Marquesas Time, UTC{MINUS}9:30)",
        ),
        (
            "2026-03-03 15:00",
            "2026-03-03 16:00",
            "UTC",
            f"Tuesday, March 3, 2026, 3:00 PM {DASH} 4:00 PM (UTC)",
        ),
        (  # over midnight
            "2026-12-31 22:40",
            "2026-12-31 23:30",
            "Europe/Berlin",
            f"Thursday, December 31, 2026, 11:40 PM {DASH} Friday, January 1, 2027, 12:30 AM"
            " (Central European Time, UTC+1)",
        ),
        (  # over the end of summer time: 01:30 to 01:20
            "2026-11-01 05:30",
            "2026-11-01 06:20",
            "America/New_York",
            f"Sunday, November 1, 2026, 1:30 AM (UTC{MINUS}4) {DASH} 1:20 AM"
            f" (Eastern Time, UTC{MINUS}5)",
        ),
    ],
)
def test_a_session_in_the_readers_zone(start: str, end: str, zone: str, words: str) -> None:
    assert when.span(utc(start), utc(end), zones.zone(zone), US).replace("\xa0", " ") == words


def test_the_day_of_a_subject() -> None:
    start = utc("2026-03-03 15:00")
    assert when.short(start, zones.zone("America/New_York"), US) == "Tue, Mar 3, 10:00\xa0AM"
    assert when.short(start, zones.zone("Asia/Tokyo"), GB) == "Wed 4 Mar, 00:00"


@given(st.sampled_from(sorted(zones.NAMES)))
def test_every_zone_has_a_name(name: str) -> None:
    words = when.zone_words(utc("2026-03-03 15:00").astimezone(zones.zone(name)), US)
    assert "UTC" in words
    assert "Unknown" not in words
