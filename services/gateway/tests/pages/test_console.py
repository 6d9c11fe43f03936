"""The console: every booking in a list, emails that did not arrive, and who is signed in."""

import re
from datetime import timedelta
from html import unescape
from typing import Any

import psycopg
import pytest
import requests

from attune_testing.waiting import until
from services.gateway.tests.clinic import Api, Practice

pytestmark = pytest.mark.req("GW-9")
TABS = ("upcoming", "needs-response", "past", "canceled")


def read(practice: Practice, path: str, who: Api | None = None) -> str:
    token = (who or practice.owner).authorization.removeprefix("Bearer ")
    answer = requests.get(
        f"{practice.stack.url}{path}", cookies={"attune_session": token}, timeout=60
    )
    assert answer.status_code == 200, answer.text
    return unescape(answer.text)


def listed(page: str) -> list[str]:
    """Return the ids of the bookings on a page, in order."""
    return re.findall(r'class="row-who">\s*<p><a href="/console/bookings/([^"]+)"', page)


def update(practice: Practice, service: str, statement: str, *values: Any) -> None:
    with psycopg.connect(practice.stack.database_url(service)) as database:
        database.execute("SELECT set_config('attune.practice', '*', true)")
        assert database.execute(statement, values).rowcount >= 1


@pytest.mark.req("VW-1", "BK-10", "CN-3")
def test_every_booking_is_in_a_list_and_the_counts_are_true(make_practice: Any) -> None:
    practice: Practice = make_practice()
    owner = practice.owner
    wanted = {"confirmation": "approval", "client_cancellation": "approval"}
    body = {"version": owner.get("/policies")["version"], "policies": wanted}
    assert owner.send("PUT", "/policies", body).status_code == 200
    starts = iter(practice.slots()[::4])
    made = {name: practice.book(next(starts)) for name in _STATES}
    ids = {name: booking["id"] for name, booking in made.items()}
    for name, booking in made.items():
        if name not in ("requested", "expired", "declined", "withdrawn"):
            owner.post(f"/bookings/{booking['id']}/confirm")
        if name in ("withdrawn", "asked"):
            headers = {"Authorization": f"Manage {booking['manage_url'].rpartition('/')[2]}"}
            practice.visitor.post(f"/bookings/{booking['id']}/cancel", {}, headers=headers)
    owner.post(f"/bookings/{ids['declined']}/decline")
    owner.post(f"/bookings/{ids['canceled']}/cancel", {"reason": "other"})
    move = "UPDATE bookings SET status = %s, start_at = start_at - %s, end_at = end_at - %s"
    for days, status in enumerate(("completed", "no_show", "in_progress", "confirmed"), 25):
        ago = timedelta(days=days)
        where = f"{move} WHERE id = %s"
        update(practice, "booking", where, status, ago, ago, ids[f"past {status}"])
    update(
        practice,
        "booking",
        "UPDATE bookings SET status = 'expired' WHERE id = %s",
        ids["expired"],
    )
    pages = {tab: read(practice, f"/console/bookings?show={tab}") for tab in TABS}
    shown = {tab: listed(page) for tab, page in pages.items()}
    assert shown == {
        tab: [ids[n] for n in _STATES if tab in _STATES[n]][:: _ORDER[tab]] for tab in TABS
    }
    assert {*shown["upcoming"], *shown["past"], *shown["canceled"]} == set(ids.values())
    for tab, page in pages.items():
        [count] = re.findall(r'<h2 id="shown">[^<]*\((\d+)\)</h2>', page)
        assert int(count) == len(shown[tab])
        assert "Needs your response (2)" in page
    assert listed(read(practice, "/console/bookings")) == shown["upcoming"]
    home = read(practice, "/console").partition('id="today"')[0]
    assert listed(home) == shown["needs-response"]
    assert '<h2 id="waiting">Needs your response (2)</h2>' in home


# Bookings by start, with the lists that show them.
_STATES = {
    "past confirmed": ("past",),
    "past in_progress": ("past",),
    "past no_show": ("past",),
    "past completed": ("past",),
    "requested": ("upcoming", "needs-response"),
    "confirmed": ("upcoming",),
    "asked": ("upcoming", "needs-response"),
    "canceled": ("canceled",),
    "declined": ("canceled",),
    "withdrawn": ("canceled",),
    "expired": ("canceled",),
}
_ORDER = {"upcoming": 1, "needs-response": 1, "past": -1, "canceled": -1}


@pytest.mark.req("GW-3", "VW-1")
def test_lists_go_on_on_further_pages(make_practice: Any) -> None:
    practice: Practice = make_practice()
    made = [practice.book(start)["id"] for start in practice.slots()[::4][:27]]
    assert len(made) == 27
    seen, path = [], "/console/bookings?show=upcoming"
    while path:
        page = read(practice, path)
        assert "Upcoming (27)" in page
        seen.append(listed(page))
        following = re.findall(r'<a [^>]*href="([^"]+)">Next page', page)
        assert ("First page" in page) is (len(seen) > 1)
        [path] = following or [""]
    assert seen == [made[:25], made[25:]]
    home = read(practice, "/console")
    assert listed(home) == made[:25]
    assert "/console/bookings" in home


@pytest.fixture(scope="module")
def booking(practice: Practice) -> Any:
    """A booking whose two emails have been sent."""
    made = practice.book(practice.slots()[-9])

    def sent() -> int:
        with psycopg.connect(practice.stack.database_url("notifications")) as database:
            database.execute("SELECT set_config('attune.practice', '*', true)")
            count = "SELECT count(*) FROM notices WHERE booking_id = %s AND state = 'sent'"
            [[number]] = database.execute(count, [made["id"]]).fetchall()
            return int(number)

    until(sent, lambda number: number == 2)
    return made


@pytest.mark.req("NT-3")
@pytest.mark.parametrize(
    ("state", "error", "said"),
    [
        ("failed", "MAIL_REFUSED SMTPRecipientsRefused 550", "doesn't exist (code 550)"),
        ("failed", "MAIL_REFUSED SMTPRecipientsRefused 553", "doesn't exist (code 553)"),
        ("failed", "MAIL_REFUSED SMTPDataError 552", "the mailbox is full (code 552)"),
        ("failed", "MAIL_REFUSED SMTPDataError 554", "refused the message (code 554)"),
        ("failed", "UNUSABLE_ADDRESS", "mail can't be sent to this address"),
        ("failed", "MAIL_SERVER_UNAVAILABLE SMTPConnectError 421", "isn't taking messages"),
        ("failed", "KeyError", "something went wrong on our end"),
        ("queued", "MAIL_SERVER_UNAVAILABLE TimeoutError", "We'll keep trying."),
        ("queued", "ROOM_MISSING", "We'll keep trying."),
        ("queued", "", ""),
        ("sent", "", ""),
        ("superseded", "", ""),
    ],
)
def test_an_email_that_did_not_arrive_is_told_at_its_booking(
    practice: Practice, booking: Any, state: str, error: str, said: str
) -> None:
    change = (
        "UPDATE notices SET state = %s, error = %s, next_attempt_at = now() + interval '1 hour'"
        " WHERE booking_id = %s AND recipient = 'client'"
    )
    update(practice, "notifications", change, state, error, booking["id"])
    path = f"/console/bookings/{booking['id']}"
    problem = r'email-problem"><div class="notice (\w+)".*?<h2>(.*?)</h2>'
    told = re.findall(problem, read(practice, path), re.DOTALL)
    if not said:
        assert told == []
        return
    [(tone, words)] = told
    assert words.startswith("The confirmation email to the client ")
    assert said in words
    assert booking["client"]["email"] not in words
    assert tone == ("bad" if state == "failed" else "warn")
    clinician = practice.account("clinician", provider_id=practice.provider_id)
    assert words in read(practice, path, clinician)


@pytest.mark.req("GW-12")
def test_the_console_names_who_is_signed_in_and_lets_them_sign_out(
    practice: Practice, booking: Any
) -> None:
    named = []
    for role in ("owner", "manager"):
        who = practice.account(role)
        one = f"/console/bookings/{booking['id']}"
        for path in ("/console", "/console/bookings", "/console/practice", one, f"{one}/cancel"):
            top = read(practice, path, who).partition("<main")[0]
            named += re.findall(r"Signed in as </span>([^<]+@clinic\.example)<", top)
            assert 'action="/signout"' in top
    assert [named.count(name) for name in dict.fromkeys(named)] == [5, 5]
    page = read(practice, "/")
    assert 'href="/console"' in page
    assert 'href="/signin"' not in page
    assert "@" not in page
    visitor = requests.get(practice.stack.url, timeout=60).text
    assert 'href="/signin"' in visitor
    assert 'href="/console"' not in visitor
