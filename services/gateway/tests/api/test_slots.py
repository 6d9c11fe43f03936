"""Profiles and free slots, through the whole system."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.gateway.tests.clinic import Practice

TALK = {"service": "talk", "mode": "telehealth"}


@pytest.fixture(scope="module")
def practice(make_practice: Callable[[], Practice]) -> Practice:
    """A practice without bookings."""
    return make_practice()


@pytest.mark.req("GW-4")
def test_a_profile_shows_what_can_be_booked(practice: Practice) -> None:
    assert practice.visitor.get(practice.path) == {
        "username": practice.username,
        "name": "Dana Doe",
        "timezone": "America/New_York",
        "practice": {
            "name": "Clinic",
            "timezone": "America/New_York",
            "country": "US",
            "address": "1 Main Street",
            "synthetic": False,
        },
        "services": [
            {
                "service": "talk",
                "title": "A talk",
                "description": "",
                "modes": ["telehealth", "in_person"],
                "duration_minutes": 50,
                "price": {"minor_units": 15000, "currency": "USD"},
            }
        ],
    }


@pytest.mark.req("GW-4", "SL-1")
def test_slots_are_grouped_by_the_viewers_dates(practice: Practice) -> None:
    monday = practice.monday()
    found = practice.visitor.get(
        f"{practice.path}/slots",
        **TALK,
        **{"from": monday - timedelta(days=1), "to": monday, "tz": "Asia/Tokyo"},
    )
    assert set(found) == {"timezone", "revision", "days"}
    assert found["timezone"] == "Asia/Tokyo"
    sunday, day = found["days"]
    assert sunday == {"date": str(monday - timedelta(days=1)), "slots": []}
    assert day["date"] == str(monday)
    # From nine in New York it is late in the evening in Tokyo.
    nine = datetime(monday.year, monday.month, monday.day, 9, tzinfo=ZoneInfo("America/New_York"))
    tokyo = nine.astimezone(ZoneInfo("Asia/Tokyo"))
    assert day["slots"][0] == {
        "start": tokyo.isoformat(),
        "end": (tokyo + timedelta(minutes=50)).isoformat(),
    }
    assert all(slot["start"].startswith(str(monday)) for slot in day["slots"])


@pytest.mark.req("GW-4", "SL-1")
def test_the_zone_and_the_week_have_defaults(practice: Practice) -> None:
    found = practice.visitor.get(f"{practice.path}/slots", **TALK)
    assert found["timezone"] == "America/New_York"
    today = datetime.now(ZoneInfo("America/New_York")).date()
    assert [day["date"] for day in found["days"]] == [
        str(today + timedelta(days=n)) for n in range(7)
    ]


@pytest.mark.req("SL-2")
def test_a_day_from_nine_to_five_has_its_slots_on_the_grid(practice: Practice) -> None:
    starts = practice.slots(to=practice.monday())
    times = [start[11:16] for start in starts]
    assert times[0] == "09:00"
    assert times[-1] == "16:00"
    assert len(times) == 29


@pytest.mark.req("GW-4", "SL-4")
def test_the_next_slots_are_the_first_ones(practice: Practice) -> None:
    found = practice.visitor.get(f"{practice.path}/slots/next", **TALK, count=3, tz="UTC")
    assert set(found) == {"timezone", "revision", "slots"}
    today = datetime.now(ZoneInfo("UTC")).date()
    listed = practice.visitor.get(
        f"{practice.path}/slots",
        **TALK,
        **{"from": today, "to": today + timedelta(days=7), "tz": "UTC"},
    )
    assert found["slots"] == [slot for day in listed["days"] for slot in day["slots"]][:3]


@pytest.mark.req("GW-4", "SL-6")
def test_a_month_is_counted_by_date(practice: Practice) -> None:
    monday = practice.monday()
    month = f"{monday:%Y-%m}"
    found = practice.visitor.get(f"{practice.path}/days", **TALK, month=month)
    counted = {day["date"]: day["slots"] for day in found["days"]}
    assert counted[str(monday)] == 29
    assert list(counted) == sorted(counted)
    assert {day[:7] for day in counted} == {month}
    assert len(counted) >= 28


@pytest.mark.req("SL-10", "GW-2")
@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ({"service": ""}, 400, "service"),
        ({"mode": "by_post"}, 400, "mode"),
        ({"tz": "Mars/Olympus"}, 400, "tz"),
        ({"from": "2026-13-01"}, 400, "from"),
        ({"from": "2026-02-30"}, 400, "from"),
        ({"from": "20260201"}, 400, "from"),
        ({"from": "1760000000"}, 400, "from"),
        ({"from": "2030-01-02", "to": "2030-01-01"}, 400, "to"),
        ({"from": "2030-01-01", "to": "2030-04-03"}, 400, "to"),
        ({"revision": "\x00"}, 400, "revision"),
    ],
)
def test_a_bad_search_names_what_is_wrong(
    practice: Practice, query: dict[str, str], status: int, field: str
) -> None:
    asked = {**TALK, "tz": "UTC", **query}
    answer = practice.visitor.call("GET", f"/api/v1{practice.path}/slots", params=asked)
    problem = answer.json()
    assert (answer.status_code, list(problem["fields"])) == (status, [field])


@pytest.mark.req("SL-10")
def test_the_longest_search_covers_92_dates(practice: Practice) -> None:
    first = date(2030, 10, 1)
    found = practice.visitor.get(
        f"{practice.path}/slots",
        **TALK,
        **{"from": first, "to": first + timedelta(days=91), "tz": "America/New_York"},
    )
    assert len(found["days"]) == 92, "an hour longer than 92 days, as summer time ends"


@pytest.mark.req("SL-10")
def test_what_is_not_there_is_not_found(practice: Practice) -> None:
    nowhere = practice.visitor.call("GET", "/api/v1/providers/nobody/slots", params=TALK)
    assert (nowhere.status_code, nowhere.json()["status"]) == (404, 404)
    reversed_ = {**TALK, "from": "2030-01-02", "to": "2030-01-01", "tz": "UTC"}
    nowhere = practice.visitor.call("GET", "/api/v1/providers/nobody/slots", params=reversed_)
    assert nowhere.status_code == 404
    unknown = practice.visitor.call(
        "GET", f"/api/v1{practice.path}/slots", params={**TALK, "service": "unknown"}
    )
    assert unknown.status_code in (404, 422)


@pytest.mark.req("GW-3")
@pytest.mark.parametrize("path", ["", "/slots?service=talk&mode=telehealth&tz=UTC"])
def test_what_has_not_changed_is_not_sent_again(practice: Practice, path: str) -> None:
    first = practice.visitor.call("GET", f"/api/v1{practice.path}{path}")
    assert first.headers["Cache-Control"] == "public, no-cache"
    again = practice.visitor.call(
        "GET",
        f"/api/v1{practice.path}{path}",
        headers={"If-None-Match": first.headers["ETag"]},
    )
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.req("SL-8")
def test_a_search_that_names_a_booking_never_shows_its_slot(
    make_practice: Callable[[], Practice],
) -> None:
    practice = make_practice()
    for start in practice.slots(to=practice.monday())[::4]:
        booked: Any = practice.book(start)
        assert start not in practice.slots(to=practice.monday(), revision=booked["revision"])
