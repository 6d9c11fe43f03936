"""What the pages say and offer, for a booking in every state, to its client and to staff."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import unescape
from typing import Any

import psycopg
import pytest
import requests

from services.gateway.tests.clinic import Practice

pytestmark = pytest.mark.req("BK-8", "BK-9", "CN-2", "GW-9")


@dataclass
class Made:
    """A booking, its practice, and what happens to it."""

    practice: Practice
    booking: dict[str, Any]

    def staff(self, action: str, **body: Any) -> None:
        self.practice.owner.post(f"/bookings/{self.booking['id']}/{action}", body)

    def client(self, action: str, **body: Any) -> None:
        headers = {"Authorization": f"Manage {self.token}"}
        path = f"/bookings/{self.booking['id']}/{action}"
        self.practice.visitor.post(path, body, headers=headers)

    def become(self, status: str) -> None:
        """Take a status that no call leads to yet, or that a job gives."""
        with psycopg.connect(self.practice.stack.database_url("booking")) as database:
            database.execute("SELECT set_config('attune.practice', '*', true)")
            database.execute(
                "UPDATE bookings SET status = %s WHERE id = %s", [status, self.booking["id"]]
            )

    @property
    def token(self) -> str:
        found: str = self.booking["manage_url"].rpartition("/")[2]
        return found


@dataclass(frozen=True)
class State:
    """How a booking came into a state, and what the pages say then.

    `cancel` is the heading of the page that cancels, or empty if it leads back to the booking.
    """

    steps: Callable[[Made], object]
    heading: str
    badge: str
    link: str
    cancel: str
    actions: tuple[str, ...]
    said: str = ""
    unsaid: str = ""
    policies: str = "approval"
    has_file: bool = False


def confirm(made: Made) -> None:
    made.staff("confirm")


def ask(made: Made) -> None:
    made.staff("confirm")
    made.client("cancel", reason_text="A cold.")


def keep(made: Made) -> None:
    ask(made)
    made.staff("decline-cancellation")


def start(made: Made) -> None:
    made.staff("confirm")
    made.practice.come(made.booking)
    made.staff("start")


def complete(made: Made) -> None:
    start(made)
    made.staff("complete")


def approve(made: Made) -> None:
    ask(made)
    made.staff("cancel", reason="client_request")


def miss(made: Made) -> None:
    made.staff("confirm")
    made.practice.come(made.booking)
    made.become("no_show")


STATES = {
    "requested": State(
        lambda made: None,
        "Your request was sent",
        "Requested",
        "Withdraw request",
        "Withdraw your request?",
        ("Confirm", "Decline"),
        said="You can withdraw your request until the practice replies.",
        has_file=True,
    ),
    "confirmed": State(
        lambda made: None,
        "Your appointment is confirmed",
        "Confirmed",
        "Cancel appointment",
        "Cancel your appointment?",
        ("Cancel booking",),
        said="You can cancel online until",
        policies="allowed",
        has_file=True,
    ),
    "confirmed, cancellation needs approval": State(
        confirm,
        "Your appointment is confirmed",
        "Confirmed",
        "Request cancellation",
        "Request cancellation?",
        ("Cancel booking",),
        said="You can request cancellation online until",
        has_file=True,
    ),
    "confirmed, no cancellation online": State(
        lambda made: None,
        "Your appointment is confirmed",
        "Confirmed",
        "",
        "You can't cancel online",
        ("Cancel booking",),
        said="Clinic doesn't take cancellations online.",
        policies="not_allowed",
        has_file=True,
    ),
    "cancellation requested": State(
        ask,
        "Your appointment is confirmed",
        "Confirmed",
        "",
        "Cancellation requested",
        ("Approve cancellation", "Keep booking"),
        said="The practice will reply by email. Until then, your appointment stands.",
        unsaid="Can't make it?",
        has_file=True,
    ),
    "cancellation request declined": State(
        keep,
        "Your appointment is confirmed",
        "Confirmed",
        "Request cancellation",
        "Request cancellation?",
        ("Cancel booking",),
        said="Your cancellation request was declined",
        has_file=True,
    ),
    "in progress": State(
        start,
        "Your session is in progress",
        "In progress",
        "",
        "",
        ("Complete session", "Undo start"),
        unsaid="Can't make it?",
    ),
    "completed": State(
        complete,
        "This session has ended",
        "Completed",
        "",
        "",
        ("Reopen session",),
        unsaid="Can't make it?",
    ),
    "withdrawn": State(
        lambda made: made.client("cancel", reason_text="A cold."),
        "Request withdrawn",
        "Withdrawn",
        "",
        "",
        (),
        said="Your reason",
        unsaid="appointment was canceled",
    ),
    "request canceled by the practice": State(
        lambda made: made.staff("cancel", reason="other", reason_text="We moved."),
        "This request was canceled",
        "Canceled",
        "",
        "",
        (),
        said="Message from the practice",
    ),
    "canceled by the client": State(
        lambda made: made.client("cancel", reason_text="A cold."),
        "This appointment was canceled",
        "Canceled",
        "",
        "",
        (),
        said="Your reason",
        policies="allowed",
    ),
    "cancellation approved": State(
        approve, "This appointment was canceled", "Canceled", "", "", (), said="A cold."
    ),
    "canceled by the practice": State(
        lambda made: made.staff("cancel", reason="provider_ill", reason_text="The flu."),
        "This appointment was canceled",
        "Canceled",
        "",
        "",
        (),
        said="Message from the practice",
        policies="allowed",
    ),
    "declined": State(
        lambda made: made.staff("decline", reason_text="We are full."),
        "The practice declined this request",
        "Declined",
        "",
        "",
        (),
        said="Message from the practice",
    ),
    "expired": State(
        lambda made: made.become("expired"),
        "The practice didn't respond in time",
        "Expired",
        "",
        "",
        (),
        said="Choose another time",
    ),
    "no-show": State(
        miss,
        "This appointment was missed",
        "No-show",
        "",
        "",
        (),
        said="The practice marked it as a no-show.",
        unsaid="Can't make it?",
    ),
}


@pytest.fixture(scope="module")
def book(make_practice: Callable[[], Practice]) -> Callable[[str], Made]:
    """`book("approval")` is a new booking of a practice that has these policies."""
    practices: dict[str, tuple[Practice, Iterator[str]]] = {}

    def make(policies: str) -> Made:
        if policies not in practices:
            made = make_practice()
            wanted = {
                "confirmation": "approval" if policies == "approval" else "instant",
                "client_cancellation": policies,
            }
            body = {"version": made.owner.get("/policies")["version"], "policies": wanted}
            assert made.owner.send("PUT", "/policies", body).status_code == 200
            practices[policies] = made, iter(made.slots()[::4])
        practice, starts = practices[policies]
        return Made(practice, practice.book(next(starts), note="Mornings, please."))

    return make


def get(url: str, token: str = "") -> tuple[requests.Response, str]:
    cookies = {"attune_session": token} if token else {}
    answer = requests.get(url, cookies=cookies, timeout=60, allow_redirects=False)
    return answer, unescape(answer.text)


def heading(page: str) -> str:
    [found] = re.findall(r"<h1[^>]*>(.*?)</h1>", page)
    return str(found)


def badges(page: str) -> list[str]:
    return re.findall(r'<span class="badge[^"]*"><svg.*?</svg>(.*?)</span>', page)


@pytest.mark.parametrize("name", STATES)
def test_the_pages_say_what_holds(book: Callable[[str], Made], name: str) -> None:
    state = STATES[name]
    made = book(state.policies)
    state.steps(made)
    url = made.booking["manage_url"]
    answer, page = get(url)
    assert (answer.status_code, heading(page)) == (200, state.heading)
    assert badges(page)[:1] == [state.badge]
    assert state.said in page
    assert not state.unsaid or state.unsaid not in page
    links = re.findall(rf'href="/manage/{made.token}/cancel"[^>]*>(.*?)</a>', page)
    assert links == ([state.link] if state.link else [])
    answer, page = get(f"{url}/cancel")
    if state.cancel:
        assert (answer.status_code, heading(page)) == (200, state.cancel)
        assert ("<textarea" in page) is bool(state.link)
        assert not state.link or f">{state.link}</button>" in page
    else:
        assert (answer.status_code, answer.headers["Location"]) == (303, f"/manage/{made.token}")
    assert get(f"{url}/appointment.ics")[0].status_code == (200 if state.has_file else 404)
    owner = made.practice.owner.authorization.removeprefix("Bearer ")
    stack = made.practice.stack
    _, page = get(f"{stack.url}/console/bookings/{made.booking['id']}", owner)
    main = page.partition("<main")[2]
    offered = re.findall(r'<(?:a|button) class="button slim[^>]*>([^<]*)</', main)
    assert tuple(offered) == state.actions
    assert state.badge in badges(main)
