"""Where a page sends people to the practice, it says how to reach it; without contact data it
promises nothing."""

import re
from collections.abc import Mapping
from html import unescape
from typing import Any

import pytest
import requests

from attune_testing.waiting import until
from services.gateway.tests.clinic import Practice

pytestmark = pytest.mark.req("GW-6", "CN-2")
EMAIL = "desk@clinic.example"
PHONE = {"phone": "+12125550100"}
# The contact data of a practice, with what its pages link to and show.
CONTACTS: Mapping[str, tuple[Mapping[str, str], Mapping[str, str]]] = {
    "phone": (PHONE, {"tel:+12125550100": "+1 212-555-0100"}),
    "phone with an extension": (
        {"phone": "+1 212 555 0100 ext. 5"},
        {"tel:+12125550100;ext=5": "+1 212-555-0100 ext. 5"},
    ),
    "email": ({"email": EMAIL}, {f"mailto:{EMAIL}": EMAIL}),
    "website": (
        {"website": "https://www.clinic.example/"},
        {"https://www.clinic.example/": "clinic.example"},
    ),
    "all": (
        {**PHONE, "email": EMAIL, "website": "https://clinic.example/visit"},
        {
            "tel:+12125550100": "+1 212-555-0100",
            f"mailto:{EMAIL}": EMAIL,
            "https://clinic.example/visit": "clinic.example/visit",
        },
    ),
    "none": ({}, {}),
}


@pytest.fixture(scope="module")
def pages(make_practice: Any) -> tuple[Practice, dict[str, str]]:
    """A practice without cancellation online, and its pages that send people to the practice."""
    practice: Practice = make_practice()
    owner, starts = practice.owner, practice.slots()
    canceled = practice.book(starts[0])
    owner.post(f"/bookings/{canceled['id']}/cancel", {"reason": "other"})
    wanted = {"client_cancellation": "not_allowed"}
    body = {"version": owner.get("/policies")["version"], "policies": wanted}
    assert owner.send("PUT", "/policies", body).status_code == 200
    booking = practice.book(starts[8])
    until(lambda: requests.get(canceled["join_url"], timeout=60).status_code == 404)
    return practice, {
        "appointment": booking["manage_url"],
        "cancel": f"{booking['manage_url']}/cancel",
        "room": booking["join_url"],
        "canceled": canceled["manage_url"],
        "room that is closed": canceled["join_url"],
    }


@pytest.mark.parametrize("name", CONTACTS)
def test_pages_say_how_to_reach_the_practice(
    pages: tuple[Practice, dict[str, str]], name: str
) -> None:
    practice, urls = pages
    details, expected = CONTACTS[name]
    nothing = {"phone": "", "email": "", "website": ""}
    saved = practice.owner.send("PATCH", "/practice", {**nothing, **details})
    assert saved.status_code == 200, saved.text
    for page, url in urls.items():
        html = requests.get(url, timeout=60).text
        found = re.findall(r'<ul class="contact">(.*?)</ul>', html, re.DOTALL)
        links = dict(re.findall(r'<a href="([^"]+)"[^>]*>(.*?)</a>', "".join(found)))
        assert (page, {unescape(k): v for k, v in links.items()}) == (page, dict(expected))
        assert len(found) == (1 if expected else 0), page
        assert bool(re.search(r"[Cc]ontact Clinic", html)) is bool(expected), page
