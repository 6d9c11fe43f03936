"""Unusual input that is valid is accepted unchanged."""

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from attune_local.stack import Stack
from tests.world import World

NAMES = {
    "a family of emoji": "\U0001f469\u200d\U0001f469\u200d\U0001f466",
    "written from the right": "\u05e2\u05d3\u05d4 \u0628\u0627\u064a\u0631\u0648\u0646",
    "combining letters": "Ame\u0301lie",
    "an apostrophe and a hyphen": "Siobh\u00e1n O'Neill-\u0141ukasz",
    "markup": '<b>Ada</b> & "Byron"',
    "a statement": "'; DROP TABLE bookings; --",
    "a template": "{{ 7 * 7 }} ${x} %s",
    "200 letters beyond 16 bits": "\U00020000" * 200,
}
EMAILS = {
    "a sign": "ada+sessions@client.example",
    "a host of other letters": "ada@b\u00fccher.example",
    "an address in capitals": "ADA@CLIENT.EXAMPLE",
}


@pytest.fixture(scope="module")
def booker(stack: Stack) -> World:
    """A practice with free times."""
    return World.make(stack)


def booked(world: World, **changes: Any) -> Any:
    """Book with these changes, and return the booking as the practice sees it."""
    body = world.request(world.slots()[0])
    body["client"] |= changes.pop("client", {})
    made = world.book_as({**body, **changes})
    return world.owner.get(f"/bookings/{made['id']}")


@pytest.mark.req("BK-1", "GW-1")
@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_a_name_is_whatever_people_are_called(booker: World, name: str) -> None:
    assert booked(booker, client={"name": name})["client"]["name"] == name


@pytest.mark.req("BK-1", "CL-2")
@pytest.mark.parametrize("email", EMAILS.values(), ids=EMAILS.keys())
def test_an_email_stays_as_it_was_typed(booker: World, email: str) -> None:
    assert booked(booker, client={"email": email})["client"]["email"] == email


@pytest.mark.req("BK-1")
def test_a_phone_number_is_written_as_people_write_it(booker: World) -> None:
    for typed, kept in (
        ("+44 (0)20-7946.0018", "+442079460018"),
        ("(212) 555-0100 ext. 5", "+12125550100;ext=5"),
    ):
        assert booked(booker, client={"phone": typed})["client"]["phone"] == kept


@pytest.mark.req("BK-1")
def test_a_note_has_lines_tabs_and_any_letters(booker: World) -> None:
    note = "One.\r\n\tTwo.\n".ljust(4_000, "\U0001f33b")
    assert booked(booker, note=note)["note"] == note


@pytest.mark.req("GW-3", "AV-5")
@pytest.mark.parametrize("hours", [0, 14, -12, 5.75])
def test_an_instant_may_have_any_offset(booker: World, hours: float) -> None:
    start = datetime.fromisoformat(booker.slots()[0])
    written = start.astimezone(timezone(timedelta(hours=hours))).isoformat()
    wanted = {"service": "session", "mode": "telehealth", "start": written}
    held = booker.public.post(f"/providers/{booker.username}/holds", wanted, 201)
    assert held["start"] == written


@pytest.mark.req("SL-1", "AV-5")
def test_a_date_that_a_zone_skipped_has_no_slots(booker: World) -> None:
    when = {"from": "2011-12-29", "to": "2011-12-31", "tz": "Pacific/Apia"}
    what = {"service": "session", "mode": "telehealth"}
    slots = f"/providers/{booker.username}/slots"
    whole = booker.public.get(slots, **what, **when)["days"]
    assert whole == [{"date": f"2011-12-{day}", "slots": []} for day in (29, 30, 31)]
    skipped = booker.public.get(slots, **what, **{**when, "from": "2011-12-30", "to": "2011-12-30"})
    assert skipped["days"] == [{"date": "2011-12-30", "slots": []}]
    assert booker.owner.get("/bookings", **{**when, "from": "2011-12-30", "to": "2011-12-30"}) == {
        "bookings": []
    }


@pytest.mark.req("AV-1", "AV-3", "GW-1")
def test_a_day_may_be_open_until_midnight_and_a_number_have_a_point(booker: World) -> None:
    path = f"/providers/{booker.username}/hours"
    week = booker.owner.get(path)
    others = [block for block in week["blocks"] if block["day"] != 6]
    sunday = [
        {"day": 6.0, "start": "00:00", "end": "12:00"},
        {"day": 6, "start": "12:00", "end": "24:00"},
    ]
    body = {"version": float(week["version"]), "blocks": [*others, *sunday]}
    saved = booker.owner.call("PUT", path, json=body)
    assert saved.status_code == 200, saved.text
    assert [b["end"] for b in saved.json()["blocks"] if b["day"] == 6] == ["12:00", "24:00"]
