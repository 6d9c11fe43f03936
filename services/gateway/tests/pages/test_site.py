"""All pages, also while no service can be reached."""

import gzip
import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from gateway.identity import csrf
from gateway.pages.shared import templating

PASSWORD = "correct horse battery"  # as `make_account` gives
pytestmark = pytest.mark.req("GW-6")


def csrf_of(answer: TestResponse) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', answer.text)
    assert found
    return found[1]


def sign_in(browser: FlaskClient, email: str, password: str, onward: str = "") -> TestResponse:
    token = csrf_of(browser.get("/signin"))
    form = {"csrf_token": token, "email": email, "password": password, "next": onward}
    return browser.post("/signin", data=form)


def test_the_demo_is_linked_in_development_alone(
    browser: FlaskClient, make_app: Callable[..., Flask]
) -> None:
    assert "/dev/mailbox" in browser.get("/").text
    production = make_app(environment="production").test_client()
    assert "/dev/mailbox" not in production.get("/").text
    assert production.get("/dev/mailbox").status_code == 404


def test_pages_need_nothing_that_is_inline(browser: FlaskClient) -> None:
    for path in ("/", "/signin", "/nothing"):
        page = browser.get(path)
        assert " style=" not in page.text
        assert "<style" not in page.text
        assert (
            re.findall(r"<script(?! type=\"module\" src=| type=\"application/json\")", page.text)
            == []
        )
        assert "unsafe" not in page.headers["Content-Security-Policy"]


def test_files_are_kept_and_change_their_address_with_their_content(browser: FlaskClient) -> None:
    found = re.search(r'href="(/static/attune\.css\?v=[0-9a-f]{12})"', browser.get("/").text)
    assert found
    with browser.get(found[1]) as sheet:
        assert sheet.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert sheet.mimetype == "text/css"


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("attune.css", ""),
        ("attune.css", "?v="),
        ("attune.css", "?v=0123456789ab"),
        ("attune.css", f"?v={templating.digest('book.js')}"),
        ("attune.css", f"?v={templating.digest('attune.css')}0"),
        ("book.js", "?v=1"),
        ("icon.svg", "?v=latest&v=2"),
        ("missing.css", "?v=1"),
    ],
)
def test_a_file_is_not_kept_under_another_digest(
    browser: FlaskClient, name: str, query: str
) -> None:
    with browser.get(f"/static/{name}{query}") as answer:
        kept = answer.headers["Cache-Control"]
        assert "max-age" not in kept
        assert "immutable" not in kept


def test_what_anybody_may_see_is_compressed_and_what_is_secret_is_not(
    browser: FlaskClient,
) -> None:
    found = re.search(r'href="(/static/attune\.css\?v=[0-9a-f]{12})"', browser.get("/").text)
    assert found
    zipped = {"Accept-Encoding": "br, gzip"}
    with browser.get(found[1]) as plain, browser.get(found[1], headers=zipped) as small:
        assert gzip.decompress(small.data) == plain.data
        assert small.headers["Content-Encoding"] == "gzip"
        assert small.content_length == len(small.data) < len(plain.data) / 3
        assert "Accept-Encoding" in plain.headers["Vary"]
    known = {**zipped, "If-None-Match": small.headers["ETag"]}
    with browser.get(found[1], headers=known) as again:
        assert (again.status_code, again.data) == (304, b"")
    assert gzip.decompress(browser.get("/", headers=zipped).data) == browser.get("/").data
    refused = browser.get("/", headers={"Accept-Encoding": "gzip;q=0"})
    assert "Content-Encoding" not in refused.headers
    assert "Content-Encoding" not in browser.get("/signin", headers=zipped).headers


def test_an_address_that_leads_nowhere_is_a_page_for_people_and_a_document_for_programs(
    browser: FlaskClient,
) -> None:
    page = browser.get("/nothing/here")
    assert (page.status_code, page.mimetype) == (404, "text/html")
    assert "Page not found" in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert browser.get("/api/v1/nothing").mimetype == "application/problem+json"
    assert browser.delete("/signin").status_code == 405


def test_while_a_service_is_away_the_page_says_so(browser: FlaskClient) -> None:
    page = browser.get("/book/anybody")
    assert (page.status_code, page.mimetype) == (503, "text/html")
    assert "Back in a moment" in page.text
    assert re.search(r"Reference: [0-9a-f]{32}", page.text)
    assert browser.get("/manage/abc").status_code == 503
    assert browser.get("/manage/abc").headers["Referrer-Policy"] == "no-referrer"


def test_too_many_requests_are_told_kindly(make_app: Callable[..., Flask]) -> None:
    browser = make_app(limit_sign_ins="1/minute").test_client()
    sign_in(browser, "nobody-of-pages@clinic.example", PASSWORD)
    refused = sign_in(browser, "nobody-of-pages@clinic.example", PASSWORD)
    assert (refused.status_code, refused.mimetype) == (429, "text/html")
    assert int(refused.headers["Retry-After"]) > 0


@pytest.mark.req("GW-12")
def test_staff_sign_in_and_go_on_to_the_page_they_wanted(
    browser: FlaskClient, make_account: Callable[..., str]
) -> None:
    wanted = browser.get("/console/bookings/abc")
    assert (wanted.status_code, wanted.location) == (
        303,
        "/signin?next=%2Fconsole%2Fbookings%2Fabc",
    )
    refused = sign_in(browser, email := make_account(), "wrong")
    assert (refused.status_code, "Incorrect email or password." in refused.text) == (401, True)
    assert f'value="{email}"' in refused.text
    assert "wrong" not in refused.text.replace("went wrong", "")
    answer = sign_in(browser, email, PASSWORD, "/console/bookings/abc")
    assert (answer.status_code, answer.location) == (303, "/console/bookings/abc")
    assert browser.get("/signin").location == "/console"


@pytest.mark.req("GW-14")
@pytest.mark.parametrize(
    "onward", ["https://evil.example", "//evil.example", "/console\\@evil.example", "/book/x", ""]
)
def test_signing_in_leads_to_no_other_place(
    browser: FlaskClient, make_account: Callable[..., str], onward: str
) -> None:
    assert sign_in(browser, make_account(), PASSWORD, onward).location == "/console"


@pytest.mark.req("GW-14")
def test_forms_without_the_token_of_a_page_do_nothing(
    browser: FlaskClient, make_account: Callable[..., str]
) -> None:
    form = {"email": make_account(), "password": PASSWORD}
    assert browser.post("/signin", data=form).status_code == 403
    sign_in(browser, form["email"], PASSWORD)
    assert browser.post("/signout").status_code == 403
    assert browser.post("/console/bookings/abc/confirm").status_code == 403
    assert browser.get("/signin").location == "/console"  # still signed in


@pytest.mark.req("GW-12")
def test_signing_out_ends_the_session(
    browser: FlaskClient, make_account: Callable[..., str], app: Flask
) -> None:
    sign_in(browser, make_account(), PASSWORD)
    with app.test_request_context(headers={"Cookie": _cookies(browser)}):
        token = csrf.token()
    assert browser.post("/signout", data={"csrf_token": token}).location == "/signin"
    assert browser.get("/console").location.startswith("/signin")


def _cookies(browser: FlaskClient) -> str:
    cookie = browser.get_cookie("attune_session")
    assert cookie
    return f"attune_session={cookie.value}"
