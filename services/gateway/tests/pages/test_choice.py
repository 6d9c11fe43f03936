"""Choices in links that people make by hand."""

from datetime import UTC, datetime

import pytest
from flask import Flask

from attune.availability.v1.availability_pb2 import Practice, Provider, ServiceType
from attune.common.v1.types_pb2 import MODE_IN_PERSON, MODE_PHONE
from gateway.backends.providers import Profile
from gateway.pages.booking.choice import Choice, parse_instant

pytestmark = pytest.mark.req("GW-6")
START = datetime(2026, 11, 3, 0, 30, tzinfo=UTC)
PROFILE = Profile(
    Provider(username="ada", timezone="Europe/Berlin"),
    Practice(name="Elm Street"),
    [
        ServiceType(slug="intake", modes=[MODE_PHONE]),
        ServiceType(slug="therapy-session", modes=[MODE_PHONE, MODE_IN_PERSON]),
    ],
)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-03T14:30:00+14:00",
        "2026-11-03T14:30:00 14:00",
        "2026-11-03T14:30:00 1400",
        "2026-11-03T14:30 14",
        " 2026-11-03T00:30:00Z ",
        "2026-11-03T00:30:00z",
        "2026-11-03 00:30:00+00:00",
        "2026-11-02T19:30:00-05:00",
    ],
)
def test_an_instant_is_read_as_it_was_meant(text: str) -> None:
    assert parse_instant(text) == START


@pytest.mark.parametrize(
    "text",
    ["", "soon", "2026-11-03T14:30:00", "2026-11-03 14:30", "2026-11-03", "1999-01-01T00:00Z"],
)
def test_what_names_no_instant_is_left_out(text: str) -> None:
    assert parse_instant(text) is None


@pytest.mark.parametrize(
    ("asked", "zone"),
    [
        ("america/new_york", "America/New_York"),
        ("America/New York", "America/New_York"),
        (" Asia/Kolkata ", "Asia/Kolkata"),
        ("ASIA/CALCUTTA", "Asia/Kolkata"),
        ("utc", "UTC"),
        ("Factory", "Europe/Berlin"),
        ("Mars/Olympus", "Europe/Berlin"),
        ("", "Europe/Berlin"),
    ],
)
def test_a_zone_is_found_by_how_people_write_it(asked: str, zone: str) -> None:
    assert Choice.of(PROFILE, {"tz": asked}).zone_name == zone


@pytest.mark.parametrize("service", ["therapy-session", "Therapy-Session", " therapy-session "])
@pytest.mark.parametrize("mode", ["in_person", "in-person", "IN_PERSON", " In-Person"])
def test_service_and_mode_are_found_by_how_people_write_them(service: str, mode: str) -> None:
    choice = Choice.of(PROFILE, {"service": service, "mode": mode})
    assert choice.service == PROFILE.service_types[1]
    assert choice.mode == MODE_IN_PERSON


def test_links_of_the_page_carry_the_right_names() -> None:
    app = Flask("test")
    app.add_url_rule("/book/<username>", "pages.show_book")
    with app.test_request_context():
        asked = {"tz": "america/new york", "service": "INTAKE", "mode": "Phone"}
        url = Choice.of(PROFILE, asked).url()
    assert url == "/book/ada?tz=America/New_York&service=intake&mode=phone"
