"""The page behind a join link: whose session it is, when the room opens, and the way back."""

import re
from collections.abc import Iterator
from functools import partial
from html import unescape
from typing import Any

import pytest
import requests

from attune_testing.waiting import until
from services.gateway.tests.clinic import Practice

pytestmark = pytest.mark.req("RM-2")
EARLY = "a little early"


@pytest.fixture(scope="module")
def starts(practice: Practice) -> Iterator[str]:
    return iter(practice.slots()[1::4])


@pytest.fixture
def booking(practice: Practice, starts: Iterator[str]) -> Any:
    """A confirmed booking, some weeks ahead."""
    return practice.book(next(starts))


def links(practice: Practice, booking: Any) -> dict[str, str]:
    """Return the join links of both sides."""
    provider = practice.owner.get(f"/bookings/{booking['id']}/room")["join_url"]
    client = practice.visitor.get(
        f"/bookings/{booking['id']}/room", token=booking["manage_url"].rpartition("/")[2]
    )["join_url"]
    return {"client": client, "provider": provider}


def read(url: str, cookies: Any = None) -> tuple[int, str]:
    answer = requests.get(url, cookies=cookies, timeout=60)
    return answer.status_code, unescape(answer.text)


def heading(page: str) -> str:
    [found] = re.findall(r"<h1[^>]*>(.*?)</h1>", page)
    return str(found)


@pytest.mark.parametrize("side", ["client", "provider"])
def test_the_page_names_the_session_and_says_when_the_room_opens(
    practice: Practice, booking: Any, side: str
) -> None:
    url = links(practice, booking)[side]
    status, page = read(f"{url}?tz=America/New_York")
    assert (status, heading(page)) == (200, "Your video session")
    assert "<title>Your video session · Clinic</title>" in page
    assert "Dana Doe" in page
    assert ", 15 minutes before the session" in page
    assert EARLY not in page
    assert "shortly before your session" in page
    back = f'href="/console/bookings/{booking["id"]}"'
    assert (back in page) is (side == "provider")


def test_the_way_back_is_shown_where_the_appointment_was_open(
    practice: Practice, booking: Any, starts: Iterator[str]
) -> None:
    other = practice.book(next(starts))
    url = links(practice, booking)["client"]
    path = booking["manage_url"].removeprefix(practice.stack.url)

    def leads_back(*opened: str) -> bool:
        browser = requests.Session()
        for address in opened:
            assert browser.get(address, timeout=60).status_code == 200
        page = browser.get(url, timeout=60).text
        assert booking["manage_url"] not in page
        return f'href="{path}"' in page

    assert leads_back(booking["manage_url"])
    assert leads_back(booking["manage_url"], f"{booking['manage_url']}/cancel")
    assert leads_back(other["manage_url"], booking["manage_url"])
    assert not leads_back()
    assert not leads_back(other["manage_url"])
    for value in ("", "guessed", "a" * 500):
        assert path not in read(url, {"attune_appointment": value})[1]


@pytest.mark.parametrize("reason", ["provider_ill", "emergency", "other", ""])
def test_a_link_into_a_closed_room_says_so(practice: Practice, booking: Any, reason: str) -> None:
    found = links(practice, booking)
    if reason:
        practice.owner.post(f"/bookings/{booking['id']}/cancel", {"reason": reason})
    else:
        token = booking["manage_url"].rpartition("/")[2]
        headers = {"Authorization": f"Manage {token}"}
        practice.visitor.post(f"/bookings/{booking['id']}/cancel", {}, headers=headers)
    for url in found.values():
        page = until(partial(read, url), lambda answer: answer[0] == 404)[1]
        assert heading(page) == "This video room is closed"
        assert "was canceled" in page
        assert "Dana Doe" not in page


def test_any_other_link_is_not_found(practice: Practice) -> None:
    for token in ("guessed", "x" * 43, "a" * 500, "%00", "-" * 43):
        status, page = read(f"{practice.stack.url}/join/{token}")
        assert (status, heading(page)) == (404, "Page not found")
