"""Every page can be translated: in a language of brackets, no text of ours stands outside them."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel import Locale
from flask import Flask
from flask.testing import FlaskClient

from attune_testing.builders import PASSWORD
from common import zone_names, zones
from common.db import encryption
from gateway.app import close, create_app
from gateway.pages.shared import language
from gateway.settings import Settings
from tests import brackets
from tests.ecosystem.test_html import console_pages, public_pages
from tests.world import World

pytestmark = pytest.mark.req("NT-6", "GW-6")
LANGUAGE = "el"  # its dates, countries, and languages have no Latin letters
IN_ENGLISH = ("/api/docs",)
# Files and addresses, the names of zones, initials, and the names of products.
DATA = re.compile(r"\S+@\S+|\S+://\S+|\w+\.ics\b|\b(?:Attune|Google|HTML|Outlook|UTC|PP)\b")
# The cities of zones, of which CLDR has some in Latin letters only.
CITIES = [zone_names.city(name, Locale.parse(LANGUAGE)) for name in sorted(zones.NAMES)]
ZONES = {word for name in (*zones.NAMES, *CITIES) for word in re.findall("[A-Za-z]+", name)}


@pytest.fixture
def gateway(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """A gateway in this process, which has the catalog."""
    monkeypatch.setattr(language, "CATALOGS", brackets.catalogs("gateway", tmp_path, LANGUAGE))
    before = encryption.ring()
    app = create_app(Settings.from_env(world.stack.environment("gateway", world.stack.port)))
    yield app
    close(app)
    encryption.use(before)


def browser(gateway: Flask) -> FlaskClient:
    client = gateway.test_client()
    client.environ_base.update(HTTP_ACCEPT_LANGUAGE=LANGUAGE, HTTP_SEC_FETCH_SITE="same-origin")
    return client


def owner_of(world: World, gateway: Flask) -> FlaskClient:
    owner = browser(gateway)
    token = re.findall('name="csrf_token" value="([^"]+)"', owner.get("/signin").text)[0]
    email = f"owner-{world.username}@practice.example"
    form = {"csrf_token": token, "email": email, "password": PASSWORD}
    assert owner.post("/signin", data=form).status_code == 303
    return owner


def ours(page: str, data: list[str]) -> list[str]:
    """The texts of a page with Latin letters outside brackets that are no data."""
    found = []
    for text in brackets.visible(page):
        rest = brackets.outside(text)
        for value in sorted(data, key=len, reverse=True):
            rest = rest.replace(value, " ")
        words = set(re.findall(r"[A-Za-z]+", DATA.sub(" ", rest)))
        if words - ZONES:
            found.append(text)
    return found


def test_no_text_of_a_page_stands_outside_the_catalog(world: World, gateway: Flask) -> None:
    other = {"slug": "intake", "title": "Intake", "duration_minutes": 30, "modes": ["in_person"]}
    world.owner.post("/service-types", other, status=201)
    booking = world.book(world.a_start(3), note="Nota")
    [message] = world.messages(booking["client"]["email"])
    [join] = re.findall(r"/join/\S+", message["text"])
    visitor, owner = browser(gateway), owner_of(world, gateway)
    seen = [*public_pages(world, booking, world.a_start(4)), join, f"/dev/mailbox/{message['id']}"]
    pages = [(visitor, path) for path in seen if path not in IN_ENGLISH]
    pages += [(owner, path) for path in (*console_pages(booking), "/console/practice")]
    data = [
        f"owner-{world.username}@practice.example",
        f"{world.username}@practice.example",
        world.username,
        f"Practice {world.username}",
        booking["client"]["name"],
        "Nota",
    ]
    data += ["Pat Provider", "Therapy session", "Intake", "1 Test Street", message["text"].strip()]
    data += [each["subject"] for each in world.public.get("/dev/messages")]
    left = {path: ours(who.get(path).text, data) for who, path in pages}
    assert {path: texts for path, texts in left.items() if texts} == {}
    used = {name for _, name in gateway.jinja_env.cache or ()}
    assert set(gateway.jinja_env.list_templates()) - used == set()
