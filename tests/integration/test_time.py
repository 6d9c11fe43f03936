"""Time on a machine where everything is wrong that can be: its zone, its zone data, its database's
zone, and clocks that jump and that differ between services."""

import importlib.resources
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest

from attune_local.servers import free_port
from attune_local.stack import Stack
from attune_testing.builders import ZONE
from attune_testing.waiting import until
from tests.integration.test_story import attachment
from tests.world import Http, World, token_of

SKEW = {"booking": 20, "availability": -20, "notifications": 40}
"""Seconds by which the clocks that rules go by are wrong; far more than those of machines that keep
time ever differ. Identities go by the machine's own, and bear five seconds."""


class WrongMachine(Stack):
    """A stack whose clocks can be set."""

    def environment(self, service: str, port: int) -> dict[str, str]:
        return {**super().environment(service, port), "CLOCK_FILE": str(self._clock(service))}

    def set_clock(self, instant: datetime | None) -> None:
        """Set all clocks to an instant, or back to the machine's own."""
        shift = (instant - datetime.now(UTC)).total_seconds() if instant else 0.0
        for service in (*self.ports, "gateway"):
            written = self._clock(service).with_suffix(".new")
            written.write_text(str(shift + SKEW.get(service, 0)))
            written.replace(self._clock(service))

    def _clock(self, service: str) -> Path:
        return self.folder / f"{service}.clock"


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WrongMachine]:
    folder = tmp_path_factory.mktemp("wrong")
    started = WrongMachine(
        folder / "data",
        free_port(),
        extra={"TZ": "Pacific/Kiritimati", "PYTHONTZPATH": str(old_zones(folder))},
    )
    started.set_clock(None)
    try:
        started.start_servers()
        with psycopg.connect(f"{started.postgres_url}/postgres", autocommit=True) as server:
            server.execute("ALTER SYSTEM SET timezone = 'Asia/Kathmandu'")
            server.execute("SELECT pg_reload_conf()")
        started.start()
        yield started
    finally:
        started.stop()


def old_zones(folder: Path) -> Path:
    """Write zone data in which New York and Berlin keep the time of Tokyo; return their folder."""
    wheel = importlib.resources.files("tzdata") / "zoneinfo"
    for wrong in (ZONE, "Europe/Berlin", "UTC"):
        (folder / "zones" / wrong).parent.mkdir(parents=True, exist_ok=True)
        (folder / "zones" / wrong).write_bytes((wheel / "Asia/Tokyo").read_bytes())
    return folder / "zones"


@pytest.fixture
def world(machine: WrongMachine) -> Iterator[World]:
    machine.set_clock(None)
    yield World.make(machine, maximum_advance_days=0, minimum_notice_minutes=0)
    machine.set_clock(None)


def new_york(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(ZONE))


def days(world: World, first: str, last: str, tz: str = ZONE) -> dict[str, list[str]]:
    """Return the wall-clock times of the free starts of each date."""
    query = {"service": "session", "mode": "telehealth", "from": first, "to": last, "tz": tz}
    answer = world.public.get(f"/providers/{world.username}/slots", **query)
    return {d["date"]: [s["start"][11:16] for s in d["slots"]] for d in answer["days"]}


def set_hours(world: World, *blocks: dict[str, Any]) -> None:
    path = f"/providers/{world.username}/hours"
    body = {"version": world.owner.get(path)["version"], "blocks": list(blocks)}
    answer = world.owner.call("PUT", path, json=body)
    assert answer.status_code == 200, answer.text


def every_quarter(first: str, last: str) -> list[str]:
    """Return `09:00`, `09:15` … up to and including the last."""
    at, end = (datetime.fromisoformat(f"2000-01-01T{text}") for text in (first, last))
    return [
        f"{at + i * timedelta(minutes=15):%H:%M}" for i in range(int((end - at).seconds / 900) + 1)
    ]


@pytest.mark.req("AV-5", "SL-1", "BK-8", "NT-2", "CS-6")
def test_the_machines_own_zones_mean_nothing(world: World) -> None:
    tomorrow = datetime.now(ZoneInfo(ZONE)).date() + timedelta(days=2)
    text = tomorrow.isoformat()
    assert days(world, text, text) == {text: every_quarter("09:00", "16:00")}
    start = new_york(f"{text}T09:00")
    body = world.request(start.isoformat())
    booking = world.book_as(body)
    assert booking["start"] == start.astimezone(ZoneInfo("Europe/Berlin")).isoformat()
    [message] = world.messages(body["client"]["email"])
    assert f"{start.astimezone(ZoneInfo('Europe/Berlin')):%-I:%M %p}" in message["text"]
    assert attachment(message).events[0]["DTSTART"].dt == start
    shown = world.owner.get(f"/bookings/{booking['id']}")
    assert datetime.fromisoformat(shown["start"]) == start
    day_after = (tomorrow + timedelta(days=1)).isoformat()
    listed = world.owner.get("/bookings", **{"from": text, "to": text, "tz": ZONE})["bookings"]
    assert [b["id"] for b in listed] == [booking["id"]]
    assert (
        world.owner.get("/bookings", **{"from": day_after, "to": day_after, "tz": ZONE})["bookings"]
        == []
    )
    feed = world.public.session.get(
        world.owner.get(f"/providers/{world.username}/calendar-feed")["url"], timeout=60
    )
    assert f"DTSTART:{start.astimezone(UTC):%Y%m%dT%H%M%SZ}" in feed.text


@pytest.mark.req("SL-1", "BK-1", "PF-6")
def test_a_session_on_a_leap_day(machine: WrongMachine, world: World) -> None:
    machine.set_clock(new_york("2028-02-26T12:00"))
    found = days(world, "2028-02-27", "2028-03-01")
    assert found == dict.fromkeys(
        ("2028-02-27", "2028-02-28", "2028-02-29", "2028-03-01"), every_quarter("09:00", "16:00")
    )
    body = world.request(new_york("2028-02-29T09:00").isoformat())
    booking = world.book_as(body)
    assert booking["start"] == "2028-02-29T15:00:00+01:00"
    [message] = world.messages(body["client"]["email"])
    assert "February 29, 2028" in message["text"]
    assert attachment(message).events[0]["DTSTART"].dt == new_york("2028-02-29T09:00")
    month = {"service": "session", "mode": "telehealth", "month": "2028-02", "tz": ZONE}
    counted = world.public.get(f"/providers/{world.username}/days", **month)["days"]
    assert [d["date"] for d in counted][-2:] == ["2028-02-28", "2028-02-29"]
    assert len(counted) == 29
    page = world.public.session.get(
        f"{machine.url}/book/{world.username}",
        params={"service": "session", "mode": "telehealth", "month": "2028-02", "tz": ZONE},
        timeout=20,
    )
    assert page.status_code == 200
    assert "2028-02-29" in page.text


@pytest.mark.req("SL-1", "GW-2")
@pytest.mark.parametrize("wrong", ["2027-02-29", "2100-02-29", "2028-02-30"])
def test_a_leap_day_that_is_none(world: World, wrong: str) -> None:
    query = {"service": "session", "mode": "telehealth", "from": wrong, "to": wrong, "tz": ZONE}
    answer = world.public.call("GET", f"/providers/{world.username}/slots", params=query)
    assert answer.status_code == 400
    assert (answer.status_code, set(answer.json()["fields"])) == (400, {"from", "to"})


@pytest.mark.req("SL-1", "BK-1", "CS-6")
def test_the_years_last_night(machine: WrongMachine, world: World) -> None:
    machine.set_clock(new_york("2027-12-31T21:50"))
    world.sign_in()  # a year and more is longer than a session lasts
    set_hours(
        world,
        {"day": date(2027, 12, 31).weekday(), "start": "20:00", "end": "24:00"},
        {"day": date(2028, 1, 1).weekday(), "start": "00:00", "end": "02:00"},
    )
    # Fifty minutes, no notice: what follows 21:50 up to 01:10, over midnight without a seam.
    assert days(world, "2027-12-31", "2028-01-01") == {
        "2027-12-31": every_quarter("22:00", "23:45"),
        "2028-01-01": every_quarter("00:00", "01:00"),
    }
    assert days(world, "2027-12-31", "2028-01-01", "Pacific/Kiritimati") == {
        "2027-12-31": [],
        "2028-01-01": every_quarter("17:00", "20:00"),
    }
    assert days(world, "2027-12-31", "2028-01-01", "Pacific/Pago_Pago") == {
        "2027-12-31": every_quarter("16:00", "19:00"),
        "2028-01-01": [],
    }
    body = world.request(new_york("2027-12-31T23:45").isoformat())
    booking = world.book_as(body)
    assert (booking["start"], booking["end"]) == (
        "2028-01-01T05:45:00+01:00",
        "2028-01-01T06:35:00+01:00",
    )
    [message] = world.messages(body["client"]["email"])
    [event] = attachment(message).events
    assert (event["DTSTART"].dt, event["DTEND"].dt) == (
        new_york("2027-12-31T23:45"),
        new_york("2028-01-01T00:35"),
    )
    assert "January 1, 2028" in message["text"]
    # The new year has come, and nothing of the old one can be booked.
    machine.set_clock(new_york("2028-01-01T00:31"))
    assert days(world, "2027-12-31", "2028-01-01") == {
        "2027-12-31": [],
        "2028-01-01": every_quarter("00:45", "01:00"),
    }


def without_link(booking: dict[str, Any]) -> dict[str, Any]:
    """Return a booking without its join link, for which a response waits a second at most."""
    return {name: value for name, value in booking.items() if name != "join_url"}


@pytest.mark.req("AV-6", "BK-2", "BK-3", "PF-6", "PF-12")
def test_clocks_that_jump_lose_nothing(machine: WrongMachine, world: World) -> None:
    """The clocks jump ahead by an hour, a week, and a year, back by a day, and are corrected, while
    people carry on."""
    first, after = (datetime.now(ZoneInfo(ZONE)).date() + timedelta(days=n) for n in (3, 12))
    window = first.isoformat(), after.isoformat()
    before = days(world, *window)
    held, booked = (new_york(f"{first}T{at}") for at in ("09:00", "13:00"))
    wanted = {"service": "session", "mode": "telehealth", "start": held.isoformat()}
    body = world.request(booked.isoformat())
    booking = world.book_as(body)
    key = {"Idempotency-Key": booking["id"]}
    other = world.request(new_york(f"{after}T10:00").isoformat())
    path = f"/providers/{world.username}/bookings"
    again = world.public.post(path, other, status=201, headers=key)
    token = token_of(booking["manage_url"])
    Http(machine.url).post(f"/providers/{world.username}/holds", wanted, status=201)
    standing = until(
        lambda: days(world, *window), lambda found: "09:00" not in found[first.isoformat()]
    )
    taken = {(day, at) for day in before for at in set(before[day]) - set(standing[day])}

    machine.set_clock(datetime.now(UTC) + timedelta(hours=1))
    until(lambda: days(world, *window)[first.isoformat()], lambda starts: "09:00" in starts)
    for jump in (timedelta(days=7), timedelta(days=365), -timedelta(days=1)):
        machine.set_clock(datetime.now(UTC) + jump)
        free, now = days(world, *window), datetime.now(UTC) + jump
        for day, starts in before.items():
            for at in starts:
                ahead = new_york(f"{day}T{at}") - now
                if abs(ahead) > timedelta(minutes=2) and (day, at) not in taken:
                    assert (at in free[day]) == (ahead > timedelta(0)), (jump, day, at)
        assert "13:00" not in free[first.isoformat()]
        repeated = world.public.post(path, other, status=201, headers=key)
        assert without_link(repeated) == without_link(again)
        shown = world.public.get(f"/bookings/{booking['id']}", token=token)
        assert shown["status"] == "confirmed"
    machine.set_clock(None)

    # The hold has lapsed while it was later; the bookings are as they were, told once each.
    free = days(world, *window)
    assert free[first.isoformat()][0] == "09:00"
    assert free[after.isoformat()][:2] == ["09:00", "11:00"]
    assert len(world.owner.get("/bookings")["bookings"]) == 2
    assert len(world.messages(body["client"]["email"])) == 1
    assert len(world.messages(other["client"]["email"])) == 1
    cancelled = world.public.post(f"/bookings/{booking['id']}/cancel", params={"token": token})
    assert cancelled["status"] == "cancelled"
    assert len(world.messages(body["client"]["email"], 2)) == 2
