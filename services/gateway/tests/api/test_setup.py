"""Setting up a practice, through the whole system."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from services.gateway.tests.clinic import Practice


@pytest.fixture
def clinic(make_practice: Callable[[], Practice]) -> Practice:
    """A practice that tests may change."""
    return make_practice()


@pytest.mark.req("GW-4", "AV-1", "AV-2", "AV-3")
def test_a_week_is_replaced_at_once(clinic: Practice) -> None:
    path = f"{clinic.path}/hours"
    booked = clinic.book(clinic.slots()[0])
    before = clinic.owner.get(path)
    room = clinic.owner.post("/physical-rooms", {"name": "Blue room"}, 201)
    week = [
        {"day": 0, "start": "10:00", "end": "12:00", "modes": ["telehealth"]},
        {"day": 1, "start": "20:00", "end": "24:00", "online": False, "place": room["id"]},
    ]
    saved = clinic.owner.send("PUT", path, {"version": before["version"], "blocks": week}).json()
    assert saved["blocks"] == [
        {"day": 0, "start": "10:00", "end": "12:00", "online": True, "modes": ["telehealth"]},
        {
            "day": 1,
            "start": "20:00",
            "end": "24:00",
            "online": False,
            "modes": [],
            "place": room["id"],
        },
    ]
    assert saved["version"] > before["version"]
    assert saved["bookings_outside"] == [booked["id"]]
    starts = clinic.slots(revision=saved["revision"])
    assert {start[11:16] for start in starts} == {"10:00", "10:15", "10:30", "10:45", "11:00"}
    assert clinic.owner.get(path) == {k: saved[k] for k in ("version", "blocks")}


@pytest.mark.req("AV-4", "GW-2")
def test_an_edit_of_an_older_week_is_refused(clinic: Practice) -> None:
    path = f"{clinic.path}/hours"
    week = clinic.owner.get(path)
    assert clinic.owner.send("PUT", path, week).status_code == 200
    stale = clinic.owner.send("PUT", path, week)
    assert (stale.status_code, stale.json()["reason"]) == (409, "STALE")


@pytest.mark.req("AV-1", "GW-2")
@pytest.mark.parametrize(
    ("blocks", "field"),
    [
        ([{"day": 7, "start": "09:00", "end": "10:00"}], "blocks[0].day"),
        ([{"day": 0, "start": "9:00", "end": "10:00"}], "blocks[0].start"),
        ([{"day": 0, "start": "09:00", "end": "24:01"}], "blocks[0].end"),
        ([{"day": 0, "start": "10:00", "end": "09:00"}], "blocks[0]"),
        (
            [
                {"day": 3, "start": "09:00", "end": "12:00"},
                {"day": 3, "start": "11:00", "end": "13:00"},
            ],
            "blocks[1]",
        ),
    ],
)
def test_a_week_that_cannot_be_names_its_block(
    practice: Practice, blocks: list[Any], field: str
) -> None:
    body = {"version": practice.owner.get(f"{practice.path}/hours")["version"], "blocks": blocks}
    answer = practice.owner.send("PUT", f"{practice.path}/hours", body)
    assert answer.status_code == 400
    assert next(iter(answer.json()["fields"])).startswith(field)


@pytest.mark.req("GW-4", "AV-6")
def test_a_date_gets_other_hours_and_back(clinic: Practice) -> None:
    monday, path = clinic.monday(), f"{clinic.path}/overrides"
    body = {"date": str(monday), "blocks": [{"start": "18:00", "end": "19:00"}]}
    key = {"Idempotency-Key": "one-evening"}
    made = clinic.owner.post(path, body, 201, headers=key)
    assert clinic.owner.post(path, body, 201, headers=key) == made
    assert made["bookings_outside"] == []
    starts = clinic.slots(to=monday, revision=made["revision"])
    assert [start[11:16] for start in starts] == ["18:00"]
    listed = clinic.owner.get(path)["overrides"]
    assert [(one["id"], one["date"]) for one in listed] == [(made["id"], str(monday))]
    assert clinic.owner.get(path, **{"from": monday + timedelta(days=1)})["overrides"] == []
    assert clinic.owner.send("DELETE", f"{path}/{made['id']}").status_code == 204
    assert clinic.owner.get(path)["overrides"] == []
    assert clinic.owner.send("DELETE", f"{path}/{made['id']}").status_code == 404


@pytest.mark.req("GW-4", "AV-11", "AV-14")
def test_service_types_come_change_and_go(clinic: Practice) -> None:
    path = "/service-types"
    new = {
        "slug": "couples",
        "title": "Couples",
        "description": "For two.",
        "duration_minutes": 90,
        "modes": ["in_person"],
        "price": {"minor_units": 20000, "currency": "USD"},
        "no_show_fee": {
            "amount": {"minor_units": 5000, "currency": "USD"},
            "by_mode": {"in_person": {"minor_units": 7500, "currency": "USD"}},
        },
    }
    made = clinic.owner.post(path, new, 201)
    fees = {name: made[name] for name in made if name.endswith("_fee")}
    assert made == {
        **new,
        **fees,
        "id": made["id"],
        "version": made["version"],
        "step_minutes": 15,
        "buffer_before_minutes": 0,
        "buffer_after_minutes": 0,
        "code": "",
        "active": True,
        "online": True,
        "telehealth_enabled": True,
    }
    assert made["no_show_fee"] == new["no_show_fee"]
    listed = clinic.owner.get(path)["service_types"]
    assert [one["slug"] for one in listed] == ["couples", "talk"]
    one = f"{path}/{made['id']}"
    change = {"version": made["version"], "title": "Pairs", "active": False}
    changed = clinic.owner.send("PATCH", one, change).json()
    assert changed == {**made, "title": "Pairs", "active": False, "version": changed["version"]}
    stale = clinic.owner.send("PATCH", one, change)
    assert (stale.status_code, stale.json()["reason"]) == (409, "STALE")
    assert clinic.owner.send("PATCH", one, {"version": 1}).status_code == 400
    assert clinic.owner.send("DELETE", one).status_code == 204
    assert [one["slug"] for one in clinic.owner.get(path)["service_types"]] == ["talk"]


@pytest.mark.req("GW-4", "AV-15", "AV-16")
def test_a_providers_policies_lie_over_the_practices(clinic: Practice) -> None:
    mine, ours = f"{clinic.path}/policies", "/policies"
    before = clinic.owner.get(ours)
    saved = clinic.owner.send(
        "PUT",
        ours,
        {"version": before["version"], "policies": {"minimum_notice_minutes": 1440}},
    ).json()
    assert saved["policies"] == saved["effective"]
    assert saved["policies"] == {**before["policies"], "minimum_notice_minutes": 1440}
    own = clinic.owner.get(mine)
    assert own["policies"] == {}
    assert own["effective"]["minimum_notice_minutes"] == 1440
    policies = {"confirmation": "approval", "new_clients_may_schedule": False}
    saved = clinic.owner.send("PUT", mine, {"version": own["version"], "policies": policies}).json()
    assert saved["policies"] == policies
    assert saved["effective"]["minimum_notice_minutes"] == 1440
    assert saved["effective"]["new_clients_may_schedule"] is False
    stale = clinic.owner.send("PUT", mine, {"version": own["version"], "policies": {}})
    assert stale.status_code == 409


@pytest.mark.req("GW-4")
def test_physical_rooms_are_added_once(clinic: Practice) -> None:
    key = {"Idempotency-Key": "the-room"}
    room = {"name": "Blue room", "address": "2 Side Street"}
    made = clinic.owner.post("/physical-rooms", room, 201, headers=key)
    assert made == {"id": made["id"], **room}
    assert clinic.owner.post("/physical-rooms", room, 201, headers=key) == made
    assert clinic.owner.get("/physical-rooms")["physical_rooms"] == [made]


@pytest.mark.req("GW-13", "GW-12")
def test_setting_up_is_for_staff_of_the_practice(
    practice: Practice, make_practice: Callable[[], Practice]
) -> None:
    stranger = make_practice().owner
    hours = {"version": 0, "blocks": []}
    for path in ("hours", "overrides", "policies", "calendar-feed"):
        assert practice.visitor.send("GET", f"{practice.path}/{path}").status_code == 401
        assert stranger.send("GET", f"{practice.path}/{path}").status_code == 404
    assert stranger.send("PUT", f"{practice.path}/hours", hours).status_code == 404
    clinician = practice.account("clinician", provider_id=practice.provider_id)
    assert clinician.send("GET", f"{practice.path}/hours").status_code == 200
    new = {"slug": "x", "title": "X", "duration_minutes": 30, "modes": ["phone"]}
    refused = clinician.send("POST", "/service-types", new)
    assert (refused.status_code, refused.json()["reason"]) == (403, "NOT_ALLOWED")
