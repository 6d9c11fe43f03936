"""The zones that a reader can choose from, and how they are found."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from flask import Flask

from gateway.pages.shared import zone_choices
from gateway.pages.shared.zone_choices import ZoneChoice

NOW = datetime(2026, 11, 3, 14, 30, tzinfo=UTC)
pytestmark = pytest.mark.req("GW-6")


@pytest.fixture(autouse=True)
def reader() -> Iterator[None]:
    with Flask("test").test_request_context(headers={"Accept-Language": "en-US"}):
        yield


def listed() -> dict[str, ZoneChoice]:
    groups = zone_choices.listed(NOW)
    return {choice.name: choice for group in groups for choice in group.zones}


def test_every_place_is_listed_once_under_the_name_that_people_use() -> None:
    names = [choice.name for group in zone_choices.listed(NOW) for choice in group.zones]
    assert len(names) == len(set(names)) > 400
    found = listed()
    assert found["America/New_York"].label == "Eastern Time – New York (UTC−5)"
    assert found["Asia/Tokyo"].label == "Japan Time – Tokyo (UTC+9)"
    assert found["Europe/Kyiv"].label == "Kyiv Time (UTC+2)"
    assert found["UTC"].label == "UTC"
    assert found["Asia/Kolkata"].old == "Asia/Calcutta"


def test_the_list_is_made_once_for_each_locale() -> None:
    assert zone_choices.listed(NOW) is zone_choices.listed(NOW.replace(minute=59))


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ("new york", "America/New_York"),
        ("New_York", "America/New_York"),
        ("eastern", "America/Toronto"),
        ("  YORK  east ", "America/New_York"),
        ("calcutta", "Asia/Kolkata"),
        ("india", "Asia/Kolkata"),
        ("Kiev", "Europe/Kyiv"),
        ("utc+5:45", "Asia/Kathmandu"),
        ("UTC-9:30", "Pacific/Marquesas"),
        ("germ", "Europe/Berlin"),
        ("asia/tokyo", "Asia/Tokyo"),
        ("", "Africa/Lagos"),
    ],
)
def test_a_zone_is_found_by_city_country_name_or_offset(wanted: str, name: str) -> None:
    found = zone_choices.search(zone_choices.listed(NOW), wanted)
    assert name in {choice.name for group in found for choice in group.zones}
    assert all(choice.fits(wanted) for group in found for choice in group.zones)


@pytest.mark.parametrize("wanted", ["atlantis", "york tokyo", "<script>", "utc+25"])
def test_what_names_no_zone_finds_none(wanted: str) -> None:
    assert zone_choices.search(zone_choices.listed(NOW), wanted) == []


def test_the_likely_zones_come_first_and_no_time_comes_twice() -> None:
    first = ["Asia/Kathmandu", "America/New_York"]
    assert [choice.name for choice in zone_choices.suggested(NOW, first, "US")] == [
        *first,
        "America/Chicago",
        "America/Denver",
        "America/Phoenix",
        "America/Los_Angeles",
        "America/Anchorage",
        "America/Adak",
        "Pacific/Honolulu",
    ]
    assert [choice.name for choice in zone_choices.suggested(NOW, ["UTC", "UTC"], "")] == ["UTC"]


@pytest.mark.parametrize(
    ("old", "present"),
    [
        ("Europe/Kiev", "Europe/Kyiv"),
        ("Asia/Katmandu", "Asia/Kathmandu"),
        ("Asia/Calcutta", "Asia/Kolkata"),
        ("America/Godthab", "America/Nuuk"),
        ("Etc/UTC", "UTC"),
        ("GMT", "UTC"),
        ("Etc/GMT", "UTC"),
        ("Asia/Tokyo", "Asia/Tokyo"),
        ("Europe/Stockholm", "Europe/Stockholm"),
    ],
)
def test_names_that_a_browser_may_still_report_mean_the_present_zone(
    old: str, present: str
) -> None:
    assert zone_choices.present_name(old) == present
    assert old in zone_choices.names_of(present)


@pytest.mark.parametrize(("zone", "label"), [("Etc/GMT+5", "UTC−5"), ("Etc/GMT-14", "UTC+14")])
def test_a_zone_that_is_no_place_is_offered_by_its_offset(zone: str, label: str) -> None:
    first = zone_choices.with_chosen(NOW, zone)[0]
    assert [(choice.name, choice.label) for choice in first.zones] == [(zone, label)]
