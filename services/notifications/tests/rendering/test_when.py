"""Times in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attune_testing.clock import utc
from common import zones
from notifications.rendering import when

pytestmark = pytest.mark.req("NT-2")
DASH = "\N{EN DASH}"


@pytest.mark.parametrize(
    ("start", "end", "zone", "words"),
    [
        (
            "2026-03-03 15:00",
            "2026-03-03 15:50",
            "America/New_York",
            f"Tuesday, 3 March 2026, 10:00{DASH}10:50 (Eastern Time, GMT-5)",
        ),
        (
            "2026-07-03 15:00",
            "2026-07-03 15:50",
            "America/New_York",
            f"Friday, 3 July 2026, 11:00{DASH}11:50 (Eastern Time, GMT-4)",
        ),
        (
            "2026-03-03 15:00",
            "2026-03-03 16:00",
            "Asia/Kathmandu",
            f"Tuesday, 3 March 2026, 20:45{DASH}21:45 (Nepal Time, GMT+5:45)",
        ),
        (
            "2026-03-03 13:15",
            "2026-03-03 14:15",
            "Pacific/Marquesas",
            f"Tuesday, 3 March 2026, 03:45{DASH}04:45"
            " (French Polynesia (Marquesas) Time, GMT-9:30)",
        ),
        (
            "2026-03-03 15:00",
            "2026-03-03 16:00",
            "UTC",
            f"Tuesday, 3 March 2026, 15:00{DASH}16:00 (UTC, GMT+0)",
        ),
        (  # over midnight
            "2026-12-31 22:40",
            "2026-12-31 23:30",
            "Europe/Berlin",
            f"Thursday, 31 December 2026, 23:40 {DASH} Friday, 1 January 2027, 00:30"
            " (Central European Time, GMT+1)",
        ),
        (  # over the end of summer time: 01:30 to 01:20
            "2026-11-01 05:30",
            "2026-11-01 06:20",
            "America/New_York",
            f"Sunday, 1 November 2026, 01:30 (GMT-4) {DASH} 01:20 (Eastern Time, GMT-5)",
        ),
    ],
)
def test_a_session_in_the_readers_zone(start: str, end: str, zone: str, words: str) -> None:
    assert when.span(utc(start), utc(end), zones.zone(zone)) == words


def test_the_day_of_a_subject() -> None:
    start = utc("2026-03-03 15:00")
    assert when.short(start, zones.zone("America/New_York")) == "Tue 3 Mar 2026, 10:00"
    assert when.short(start, zones.zone("Asia/Tokyo")) == "Wed 4 Mar 2026, 00:00"


@given(st.sampled_from(sorted(zones.NAMES)))
def test_every_zone_has_a_name(name: str) -> None:
    words = when.zone_name(zones.zone(name))
    assert words
    assert "Unknown" not in words
