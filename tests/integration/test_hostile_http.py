"""Hostile pages, hosts, addresses, methods and byte streams against the gateway."""

import re
import secrets
import socket
from collections.abc import Iterator
from html import unescape
from typing import Any
from urllib.parse import urljoin, urlsplit
from uuid import uuid4

import pytest
import requests

from attune_local.stack import Stack
from attune_testing.builders import PASSWORD
from tests.gateways import HOST, PARTNER, SITE, Gateways, Peer, reason
from tests.people import add_account, routes, starts
from tests.world import Http, World, token_of

EVIL = "evil.example"
# Writes that ask for no session: a cookie is nothing to them. The pages among them have forms with
# tokens of their own.
_FOR_ANYBODY = {
    ("POST", "/book/<username>"),
    ("POST", "/book/<username>/hold"),
    ("POST", "/book/<username>/release"),
    ("POST", "/manage/<token>/cancel"),
    ("POST", "/api/v1/auth/login"),
    ("POST", "/api/v1/providers/<username>/holds"),
    ("DELETE", "/api/v1/providers/<username>/holds/<uuid:hold_id>"),
    ("POST", "/api/v1/providers/<username>/bookings"),
}


@pytest.fixture(scope="module")
def world(stack: Stack) -> World:
    return World.make(stack)


@pytest.fixture(scope="module")
def owner(guarded: Gateways, world: World) -> Peer:
    """The owner's browser, signed in at gateways with production settings."""
    browser = Peer(guarded)
    answer = browser.sign_in(add_account(world, "owner"), PASSWORD)
    browser.cookies = answer.cookies.get_dict()
    assert browser.call("GET", "/api/v1/bookings").status_code == 200
    return browser


# Pages of others


@pytest.fixture(scope="module")
def writes(stack: Stack) -> list[tuple[str, str]]:
    """Every route that changes something."""
    return [(m, rule) for m, rule in routes(stack) if m not in ("GET", "HEAD", "OPTIONS")]


@pytest.mark.req("GW-14")
@pytest.mark.parametrize(
    "said",
    [
        {"Origin": f"https://{EVIL}"},
        {"Origin": f"https://{EVIL}", "Sec-Fetch-Site": "cross-site"},
        {"Origin": f"https://{HOST}.{EVIL}"},
        {"Origin": f"https://{EVIL}/{HOST}"},
        {"Origin": f"http://{HOST}"},
        {"Origin": f"{SITE}:8443"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": f"https://blog.{HOST}"},
        {"Origin": SITE, "Sec-Fetch-Site": "cross-site"},
        {"Origin": f"https://{EVIL}", "Authorization": "Basic b3duZXI6b3duZXI="},
        {"Origin": f"https://{EVIL}", "X-Requested-With": "XMLHttpRequest"},
        {"Origin": f"https://{EVIL}", "Referer": f"{SITE}/console"},
    ],
    ids=lambda said: " ".join(f"{k}={v}" for k, v in said.items()),
)
def test_a_page_of_others_can_write_nothing(
    owner: Peer, writes: list[tuple[str, str]], said: dict[str, str]
) -> None:
    for method, rule in writes:
        answer = owner.call(method, _path(rule), said, data={"reason": "2"})
        assert answer.status_code == 403, (method, rule)
        if rule.startswith("/api/"):
            assert answer.json()["reason"] == "CROSS_SITE"
    assert owner.call("GET", "/api/v1/bookings").status_code == 200, "still signed in"


@pytest.mark.req("GW-14")
@pytest.mark.parametrize("said", [{}, {"Origin": PARTNER}], ids=["nothing said", "a partner"])
def test_a_cookie_alone_changes_nothing(
    owner: Peer, writes: list[tuple[str, str]], said: dict[str, str]
) -> None:
    """Sent by a client that does not say where it comes from, or by a partner's page, which may
    call with a token."""
    for method, rule in writes:
        if (method, rule) not in _FOR_ANYBODY:
            answer = owner.call(method, _path(rule), said, data={})
            assert answer.status_code == 403, (method, rule)
    assert owner.call("GET", "/api/v1/bookings").status_code == 200


@pytest.mark.req("GW-14", "GW-6")
def test_a_clients_form_needs_the_token_of_its_page(guarded: Gateways, world: World) -> None:
    booking = world.book()
    path = f"/manage/{token_of(booking['manage_url'])}/cancel"
    form = {
        "service": "session",
        "mode": "telehealth",
        "tz": "Europe/Berlin",
        "start": next(starts(world, world.username)),
        "key": secrets.token_urlsafe(24),
        "name": "Jane Roe",
        "email": f"{secrets.token_hex(4)}@client.example",
    }
    for said in ({}, {"Sec-Fetch-Site": "same-origin"}, {"Origin": SITE}):
        for token in ({}, {"csrf_token": ""}, {"csrf_token": "x"}):
            book = Peer(guarded).call(
                "POST", f"/book/{world.username}", said, data={**form, **token}
            )
            cancel = Peer(guarded).call("POST", path, said, data=token)
            assert (book.status_code, cancel.status_code) == (403, 403), (said, token)
    assert [b["id"] for b in world.owner.get("/bookings")["bookings"]].count(booking["id"]) == 1
    assert world.owner.get(f"/bookings/{booking['id']}")["status"] == "confirmed"
    assert form["email"] not in str(world.owner.get("/clients"))


@pytest.mark.req("GW-14")
def test_our_own_pages_can_write(guarded: Gateways, world: World) -> None:
    """Our pages are recognized by browsers' headers or by a form's token; partners' pages need a
    bearer token."""
    email = add_account(world, "owner")

    def browser() -> Peer:
        peer = Peer(guarded)
        peer.cookies = peer.sign_in(email, PASSWORD).cookies.get_dict()
        return peer

    for said in ({"Origin": SITE}, {"Sec-Fetch-Site": "same-origin"}):
        assert browser().call("POST", "/api/v1/auth/logout", said).status_code == 204
    with_form = browser()
    form = {"X-CSRF-Token": _form_token(with_form.call("GET", "/console").text)}
    somebody_elses = {"X-CSRF-Token": _form_token(browser().call("GET", "/console").text)}
    assert with_form.call("POST", "/api/v1/auth/logout", somebody_elses).status_code == 403
    assert with_form.call("POST", "/api/v1/auth/logout", form).status_code == 204
    token = Peer(guarded).sign_in(email, PASSWORD).json()["token"]
    partner = Peer(guarded, token=token)
    answer = partner.call("POST", "/api/v1/auth/logout", {"Origin": PARTNER})
    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Origin"] == PARTNER
    assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.req("GW-14")
def test_a_form_posted_as_json_is_not_read(guarded: Gateways, world: World) -> None:
    """A strange page can send a form as text/plain that looks like JSON."""
    email = add_account(world, "owner")
    body = f'{{"email": "{email}", "password": "{PASSWORD}"}}'
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        answer = Peer(guarded).call("POST", "/api/v1/auth/login", {"Content-Type": kind}, data=body)
        assert answer.status_code in (400, 415), kind


@pytest.fixture(scope="module")
def free(world: World) -> Iterator[str]:
    """Starts of which each test takes others."""
    return starts(world, world.username)


_NAVIGATION = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document"}
_READERS = {
    "a crawler": {"User-Agent": "ExampleBot/1.0"},
    "a person": {"Sec-Fetch-Site": "none", "Sec-Fetch-Dest": "document"},
    "a link in a mail": _NAVIGATION,
    "our own page": {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "empty"},
    "a picture elsewhere": {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "image"},
    "a frame elsewhere": {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "iframe"},
    "a prefetch": {**_NAVIGATION, "Sec-Purpose": "prefetch"},
}


@pytest.mark.req("GW-14", "BK-3")
@pytest.mark.parametrize("who", _READERS)
def test_reading_the_booking_page_holds_nothing(
    world: World, free: Iterator[str], who: str
) -> None:
    """Not even for a visitor whom the page knows by cookie."""
    start = next(free)
    wanted = {"service": "session", "mode": "telehealth", "start": start}
    with requests.Session() as reader:
        for method in ("GET", "GET", "HEAD"):
            url = f"{world.stack.url}/book/{world.username}"
            page = reader.request(method, url, params=wanted, headers=_READERS[who], timeout=60)
            assert page.status_code == 200
    somebody = Http(world.stack.url)
    assert reason(somebody.call("POST", f"/providers/{world.username}/holds", json=wanted)) == "201"


@pytest.mark.req("GW-14", "BK-3")
@pytest.mark.parametrize("path", ["", "/zone", "/mine", "/hold", "/release"])
@pytest.mark.parametrize("name", ["release", "hold"])
def test_reading_the_booking_page_releases_nothing(
    world: World, free: Iterator[str], path: str, name: str
) -> None:
    """The visitor's own hold stays, whatever a link says."""
    start = next(free)
    wanted = {"service": "session", "mode": "telehealth", "start": start}
    api, url = f"{world.stack.url}/api/v1", f"{world.stack.url}/book/{world.username}{path}"
    with requests.Session() as visitor:
        made = visitor.post(f"{api}/providers/{world.username}/holds", json=wanted, timeout=60)
        assert made.status_code == 201
        seen = {"service": "session", "mode": "telehealth", name: made.json()["hold"]}
        visitor.get(url, params=seen, timeout=60)
    somebody = Http(world.stack.url)
    answer = somebody.call("POST", f"/providers/{world.username}/holds", json=wanted)
    assert reason(answer) == "409 SLOT_TAKEN"


# Leading people away

AWAY = [
    f"https://{EVIL}",
    f"https:{EVIL}",
    f"//{EVIL}",
    f"///{EVIL}",
    f"////{EVIL}/console",
    f"/\\{EVIL}",
    f"\\\\{EVIL}",
    f"/\t/{EVIL}",
    f" //{EVIL}",
    f"/%2f{EVIL}",
    f"/%5c{EVIL}",
    f"/console\\@{EVIL}",
    f"/console.{EVIL}",
    f"/console@{EVIL}",
    f"//{EVIL}/console",
    f"/console\r\nLocation: https://{EVIL}",
    f"/console?\r\nSet-Cookie: attune_session={EVIL}",
    f"javascript:alert('{EVIL}')",
    "data:text/html,hello",
    f"{SITE}@{EVIL}",
    f"/console/../..//{EVIL}",
    "/console\u2028",
    "%00/console",
]


@pytest.mark.req("GW-14")
@pytest.mark.parametrize("onward", AWAY)
def test_signing_in_leads_to_no_other_site(
    owner: Peer, guarded: Gateways, world: World, onward: str
) -> None:
    """Neither the address of the sign-in page nor its form can redirect elsewhere."""
    led = [owner.call("GET", "/signin", params={"next": onward})]
    visitor = Peer(guarded)
    page = visitor.call("GET", "/signin", params={"next": onward})
    visitor.cookies = page.cookies.get_dict()
    assert EVIL not in page.headers.get("Location", "")
    form = {"csrf_token": _form_token(page.text), "next": onward}
    account = {"email": f"owner-{world.username}@practice.example", "password": PASSWORD}
    led.append(visitor.call("POST", "/signin", data={**form, **account}))
    for answer in led:
        assert answer.is_redirect
        where = urlsplit(urljoin(f"{SITE}/signin", answer.headers["Location"]))
        assert (where.scheme, where.netloc) == ("https", HOST)
        assert answer.cookies.get("attune_session") != EVIL


# Addresses

PATHS = [
    "//console",
    f"//{EVIL}/console",
    f"//{EVIL}/..",
    f"/\\{EVIL}",
    f"/%5c{EVIL}/",
    f"/%2f%2f{EVIL}/",
    "/console/",
    "/console//",
    "/console/.",
    "/./console",
    "/x/../console",
    "/x/..;/console",
    "/console;x=1",
    "/%2e%2e/console",
    "/console%2f",
    "/console%00",
    "/console%0d%0aSet-Cookie:x=1",
    "/CONSOLE",
    "/console.json",
    "/%63onsole",
    "/api//v1/bookings",
    "/api/v1/bookings/",
    "/api/v1/bookings%3f",
    "/api/v1/./bookings",
    "/api/v1/x/../bookings",
    "/api/v1/bookings;.css",
    "/api/v1/bookings.json",
    "/API/V1/bookings",
    "/healthz/../api/v1/bookings",
    "/healthz;/api/v1/bookings",
    "/static/../api/v1/bookings",
]
FILES = [
    "/static/../settings.py",
    "/static/%2e%2e/settings.py",
    "/static/..%2fsettings.py",
    "/static/..%5csettings.py",
    "/static/%252e%252e%252fsettings.py",
    "/static//etc/passwd",
    "/static/%2fetc%2fpasswd",
    "/static/....//settings.py",
    "/static/\\..\\settings.py",
    "/static/attune.css%00.py",
    "/static/",
    "/static",
    "/api/docs/page.html/../../settings.py",
    "/api/docs/%2e%2e/app.py",
    "/api/docs/",
]


@pytest.mark.req("GW-13", "GW-14")
def test_another_spelling_of_an_address_opens_nothing(guarded: Gateways, world: World) -> None:
    """It does not redirect elsewhere either."""
    for path in (*PATHS, *FILES):
        status, headers, body = _raw(guarded, f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n")
        assert status in (301, 303, 308, 400, 401, 404, 405), path
        assert world.username not in body
        assert "import" not in body, path
        where = urlsplit(urljoin(f"{SITE}{path}", headers.get("location", "")))
        if status < 400:
            assert where.hostname == HOST, path
        assert "x=1" not in headers.get("set-cookie", "")


@pytest.mark.req("GW-14")
@pytest.mark.parametrize(
    "host",
    [
        EVIL,
        f"{HOST}.{EVIL}",
        f"{EVIL}#{HOST}",
        f"{HOST}@{EVIL}",
        f"{EVIL}/{HOST}",
        f"{HOST}, {EVIL}",
        f"{HOST}\r\nHost: {EVIL}",
        f"{EVIL}\r\nHost: {HOST}",
        "localhost",
        "127.0.0.1",
        "[::1]",
        "[::1",
        "[",
        "]",
        ":443",
        f"{HOST}:port",
        f"{HOST}:99999999",
        "\xe4.example",
        "",
    ],
)
def test_a_request_for_another_host_is_refused(guarded: Gateways, host: str) -> None:
    for path in ("/", "/api/v1/openapi.json", "/signin", "/nothing"):
        status, _, body = _raw(guarded, f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n")
        assert status == 400, path
        assert EVIL not in body


@pytest.mark.req("GW-14")
def test_what_is_said_of_the_host_is_in_no_link(guarded: Gateways, world: World) -> None:
    """A forged host appears in no response, page, or email, whatever headers come with it."""
    poison = {
        "X-Forwarded-Host": EVIL,
        "X-Host": EVIL,
        "X-Original-Host": EVIL,
        "Forwarded": f"host={EVIL};proto=http",
        "X-Forwarded-Server": EVIL,
        "X-Forwarded-Port": "81",
        "X-Forwarded-Prefix": f"//{EVIL}",
        "Referer": f"https://{EVIL}/",
    }
    start = next(starts(world, world.username))
    body = world.request(start)
    path = f"/api/v1/providers/{world.username}/bookings"
    made = Peer(guarded).call("POST", path, poison, json=body)
    assert made.status_code == 201
    assert made.json()["manage_url"].startswith(f"{SITE}/manage/")
    assert made.headers["Location"] == f"/api/v1/bookings/{made.json()['id']}"
    assert EVIL not in made.text + str(made.headers)
    [message] = world.messages(body["client"]["email"])
    assert EVIL not in str(message)
    for path in ("/", "/signin", "/console", "/api/v1/openapi.json", "/api/docs", "/nothing"):
        answer = Peer(guarded).call("GET", path, poison)
        assert EVIL not in answer.text + str(answer.headers), path


@pytest.mark.req("GW-14")
def test_only_a_proxy_of_ours_says_that_it_was_tls(stack: Stack) -> None:
    """Otherwise cookies would get names that are invalid there."""
    for said in (
        {"X-Forwarded-Proto": "https"},
        {"X-Forwarded-Protocol": "ssl"},
        {"X-Forwarded-Ssl": "on"},
        {"Forwarded": "proto=https"},
    ):
        answer = requests.get(f"{stack.url}/signin", headers=said, timeout=60)
        assert set(answer.cookies.keys()) == {"attune_visitor"}, said


# What leaves with every answer


@pytest.mark.req("GW-12", "GW-14")
def test_cookies_are_for_this_host_over_tls_and_not_for_scripts(
    guarded: Gateways, world: World, stack: Stack
) -> None:
    def cookies(answer: requests.Response) -> dict[str, set[str]]:
        """Return the flags of each cookie; of the lifetime, only whether there is one."""
        found = {}
        for line in answer.raw.headers.getlist("Set-Cookie"):
            first, *flags = (part.strip() for part in line.split(";"))
            lasts = {flag.partition("=")[0] for flag in flags if flag.startswith("Max-Age")}
            found[first.partition("=")[0]] = lasts | {
                flag for flag in flags if not flag.startswith(("Max-Age", "Expires"))
            }
        return found

    def given(call: Any, prefix: str) -> dict[str, set[str]]:
        page = call("GET", "/signin")
        login = {"email": f"owner-{world.username}@practice.example", "password": PASSWORD}
        answer = call("POST", "/api/v1/auth/login", json=login)
        token = answer.json()["token"]
        gone = call("POST", "/api/v1/auth/logout", headers={"Authorization": f"Bearer {token}"})
        assert f"{prefix}attune_session" in cookies(gone)
        return cookies(page) | cookies(answer)

    safe = {"HttpOnly", "SameSite=Lax", "Path=/", "Max-Age"}
    names = {"attune_session", "attune_device", "attune_visitor"}
    over_tls = given(Peer(guarded).call, "__Host-")
    assert over_tls == {f"__Host-{name}": {*safe, "Secure"} for name in names}

    def plainly(method: str, path: str, **options: Any) -> requests.Response:
        return requests.request(method, f"{stack.url}{path}", timeout=60, **options)

    assert given(plainly, "") == dict.fromkeys(names, safe)


@pytest.mark.req("GW-14", "GW-2")
def test_failures_are_protected_as_answers_are(guarded: Gateways, owner: Peer) -> None:
    """Whatever fails and whichever layer answers, the response cannot be framed, sniffed, cached,
    or scripted."""
    failures = {
        400: owner.call("GET", "/api/v1/bookings?limit=none"),
        401: Peer(guarded).call("GET", "/api/v1/bookings"),
        403: owner.call("POST", "/signout", {"Origin": f"https://{EVIL}"}),
        404: owner.call("GET", "/nothing/at/all"),
        405: owner.call("DELETE", "/signin"),
        413: owner.call("POST", "/signin", {"Sec-Fetch-Site": "same-origin"}, data="x" * 70_000),
    }
    for status, answer in failures.items():
        assert answer.status_code == status
        headers = answer.headers
        assert headers["X-Content-Type-Options"] == "nosniff", status
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Cache-Control"] == "no-store"
        assert headers["Strict-Transport-Security"].startswith("max-age=")
        policy = headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in policy
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy


@pytest.mark.req("GW-14")
def test_what_people_write_is_text_wherever_it_is_shown(
    owner: Peer, guarded: Gateways, world: World
) -> None:
    """This covers a client's name and note on the console and the manage page, and queries on the
    pages that repeat them."""
    attack = "\"'><img src=x onerror=alert(1)></script><script>alert(2)</script>{{7*7}}${7*7}"
    start = next(starts(world, world.username))
    client = {"name": attack[:100], "email": f"{secrets.token_hex(4)}@client.example"}
    client["timezone"] = "Europe/Berlin"
    made = world.book(start, client=client, note=attack)
    token = token_of(made["manage_url"])
    query = dict.fromkeys(("service", "mode", "tz", "date", "month", "next", "said"), attack)
    shown = [
        owner.call("GET", f"/console/bookings/{made['id']}"),
        owner.call("GET", "/console", params={"said": attack}),
        owner.call("GET", f"/console/bookings/{made['id']}/cancel"),
        Peer(guarded).call("GET", f"/manage/{token}", params=query),
        Peer(guarded).call("GET", f"/book/{world.username}", params=query),
        Peer(guarded).call("GET", "/signin", params={"next": attack, "email": attack}),
        Peer(guarded).call("GET", f"/{attack}"),
    ]
    assert attack[:30] in unescape(shown[0].text)
    for page in shown:
        assert page.headers["Content-Type"].startswith("text/html")
        assert "<img src=x" not in page.text
        assert "<script>" not in page.text
        assert "49" not in re.findall(r"\d+(?=\$)", page.text)
    message = world.messages(client["email"])[0]
    assert "<img src=x" not in message["html"]


@pytest.mark.req("GW-14")
def test_only_the_methods_of_a_route_are_served(guarded: Gateways, owner: Peer) -> None:
    booking = str(uuid4())
    for method in ("TRACE", "TRACK", "CONNECT", "PROPFIND", "DEBUG", "post", "GETX"):
        status, _, body = _raw(
            guarded, f"{method} /signin HTTP/1.1\r\nHost: {HOST}\r\nX-Echo: {EVIL}\r\n\r\n"
        )
        assert status in (400, 405, 501), method
        assert EVIL not in body, "nothing is sent back"
    for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        answer = owner.call("GET", "/api/v1/auth/sessions", {name: "DELETE"})
        assert answer.status_code == 200
        answer = owner.call("GET", f"/api/v1/bookings/{booking}/confirm", {name: "POST"})
        assert answer.status_code == 405
    answer = owner.call("GET", "/signout", params={"_method": "POST"})
    assert answer.status_code == 405
    assert owner.call("GET", "/api/v1/bookings").status_code == 200
    preflight = {"Origin": f"https://{EVIL}", "Access-Control-Request-Method": "POST"}
    answer = owner.call("OPTIONS", "/api/v1/bookings", preflight)
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert answer.text == ""
    reading = owner.call("GET", "/api/v1/bookings", {"Origin": f"https://{EVIL}"})
    assert "Access-Control-Allow-Origin" not in reading.headers


# Byte streams

_SECOND = f"GET /smuggled HTTP/1.1\r\nHost: {HOST}\r\n\r\n"
_POST = f"POST /api/v1/auth/login HTTP/1.1\r\nHost: {HOST}\r\n"
_CHUNKED = f"0\r\n\r\n{_SECOND}"
STREAMS = {
    "length and chunks": f"{_POST}Content-Length: {len(_CHUNKED)}\r\n"
    f"Transfer-Encoding: chunked\r\n\r\n{_CHUNKED}",
    "chunks and length": f"{_POST}Transfer-Encoding: chunked\r\n"
    f"Content-Length: 4\r\n\r\n{_CHUNKED}",
    "two lengths": f"{_POST}Content-Length: 0\r\nContent-Length: {len(_SECOND)}\r\n\r\n{_SECOND}",
    "a list of lengths": f"{_POST}Content-Length: 0, {len(_SECOND)}\r\n\r\n{_SECOND}",
    "a length with a sign": f"{_POST}Content-Length: +0\r\n\r\n{_SECOND}",
    "a length below zero": f"{_POST}Content-Length: -1\r\n\r\n{_SECOND}",
    "a length in hexadecimal": f"{_POST}Content-Length: 0x0\r\n\r\n{_SECOND}",
    "a length of words": f"{_POST}Content-Length: none\r\n\r\n{_SECOND}",
    "a blank before the colon": f"{_POST}Content-Length : 0\r\n\r\n{_SECOND}",
    "another encoding": f"{_POST}Transfer-Encoding: xchunked\r\n\r\n{_CHUNKED}",
    "an encoding in disguise": f"{_POST}Transfer-Encoding: \x0bchunked\r\n\r\n{_CHUNKED}",
    "two encodings": f"{_POST}Transfer-Encoding: chunked\r\n"
    f"Transfer-Encoding: identity\r\n\r\n{_CHUNKED}",
    "a folded header": f"{_POST}Transfer-Encoding:\r\n chunked\r\n\r\n{_CHUNKED}",
    "a chunk of words": f"{_POST}Transfer-Encoding: chunked\r\n\r\nzero\r\n\r\n{_SECOND}",
    "a chunk below zero": f"{_POST}Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n{_SECOND}",
    "a chunk without end": f"{_POST}Transfer-Encoding: chunked\r\n\r\n5\r\nabcde{_SECOND}",
    "bare line feeds": f"{_POST}Content-Length: 0\n\n{_SECOND}",
    "a null in a header": f"{_POST}X-Null: a\x00b\r\n\r\n{_SECOND}",
    "a line feed in a value": f"{_POST}X-Odd: a\rContent-Length: 0\r\n\r\n{_SECOND}",
    "a name with a blank": f"{_POST}Content Length: 0\r\n\r\n{_SECOND}",
    "no name": f"{_POST}: nothing\r\n\r\n{_SECOND}",
    "an old version": f"GET /signin HTTP/0.9\r\nHost: {HOST}\r\n\r\n{_SECOND}",
    "a version to come": f"GET /signin HTTP/3.0\r\nHost: {HOST}\r\n\r\n{_SECOND}",
    "no version": f"GET /signin\r\n\r\n{_SECOND}",
    "a blank in the address": f"GET /sign in HTTP/1.1\r\nHost: {HOST}\r\n\r\n{_SECOND}",
}


@pytest.mark.req("GW-14")
@pytest.mark.parametrize("stream", STREAMS)
def test_a_stream_that_two_readers_could_read_differently_is_refused(
    guarded: Gateways, stream: str
) -> None:
    """A body must never be read as another request: there is one response, a refusal, and the
    connection closes."""
    received = _sent(guarded, STREAMS[stream].encode("latin-1"))
    assert len(re.findall(rb"HTTP/1\.1 \d", received)) <= 1, received
    assert re.match(rb"HTTP/1\.1 (400|405|411|501|505) |$", received), received
    assert b"smuggled" not in received.lower()


@pytest.mark.req("GW-14")
def test_what_is_too_long_is_refused_before_it_is_read(guarded: Gateways) -> None:
    long = "x" * 9000
    for request in (
        f"GET /{long} HTTP/1.1\r\nHost: {HOST}\r\n\r\n",
        f"GET /signin HTTP/1.1\r\nHost: {HOST}\r\nX-Long: {long}\r\n\r\n",
        f"GET /signin HTTP/1.1\r\nHost: {HOST}\r\n" + "X-Many: x\r\n" * 100 + "\r\n",
        f"GET /signin HTTP/1.1\r\nHost: {HOST}\r\nCookie: a={long}\r\n\r\n",
    ):
        status, _, body = _raw(guarded, request)
        assert status in (400, 414, 431)
        assert "Traceback" not in body


def _raw(guarded: Gateways, request: str) -> tuple[int, dict[str, str], str]:
    """Send exact bytes through our proxy; return status, headers, and body of the response."""
    head, _, rest = request.partition("\r\n")
    told = "X-Forwarded-Proto: https\r\nConnection: close\r\n"
    received = _sent(guarded, f"{head}\r\n{told}{rest}".encode("latin-1"))
    first, _, rest = received.decode("latin-1").partition("\r\n")
    lines, _, body = rest.partition("\r\n\r\n")
    headers = {
        name.lower(): value.strip()
        for name, _, value in (line.partition(":") for line in lines.split("\r\n"))
    }
    return int(first.split()[1]), headers, body


def _sent(guarded: Gateways, request: bytes) -> bytes:
    """Send bytes; return everything that arrives until the gateway closes the connection or falls
    silent."""
    where = urlsplit(guarded.pair[0])
    with socket.create_connection((where.hostname, where.port), timeout=60) as connection:
        connection.sendall(request)
        connection.settimeout(1.0)
        return b"".join(_received(connection))


def _received(connection: socket.socket) -> Iterator[bytes]:
    try:
        while part := connection.recv(65536):
            yield part
    except (TimeoutError, ConnectionResetError):
        return


def _form_token(page: str) -> str:
    return page.partition('name="csrf_token" value="')[2].partition('"')[0]


def _path(rule: str) -> str:
    """Return a path of a route, with ids that do not exist."""
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda _: str(uuid4()), rule)
