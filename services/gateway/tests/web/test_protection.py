"""Protection of every request and answer."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from common import ids
from gateway.web import addresses

LOGIN = "/api/v1/auth/login"
MISSING = {"email": f"nobody-{ids.new().hex}@clinic.example", "password": "whatever it was"}


@pytest.mark.req("GW-14")
def test_answers_of_the_api_may_load_nothing(browser: FlaskClient) -> None:
    headers = browser.get("/api/v1/nothing").headers
    assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["X-Frame-Options"] == "DENY"
    assert "camera=()" in headers["Permissions-Policy"]
    assert headers["Cache-Control"] == "no-store"
    assert "Strict-Transport-Security" not in headers


@pytest.mark.req("GW-14")
def test_pages_may_load_what_is_ours(browser: FlaskClient) -> None:
    policy = browser.get("/api/docs").headers["Content-Security-Policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy


@pytest.mark.req("GW-14")
def test_an_address_with_a_token_is_never_told_to_others(browser: FlaskClient) -> None:
    for path in ("/manage/abc", "/join/abc", "/calendar/abc.ics", "/api/v1/bookings/1?token=a"):
        assert browser.get(path).headers["Referrer-Policy"] == "no-referrer", path


@pytest.mark.req("GW-14")
def test_over_tls_browsers_are_to_stay_with_it(make_app: Callable[..., Flask]) -> None:
    app = make_app(public_url="https://attune.example")
    answer = app.test_client().get("/healthz", base_url="https://attune.example")
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"


@pytest.mark.req("GW-14")
def test_unknown_hosts_are_refused_but_probes_come_by_address(
    make_app: Callable[..., Flask],
) -> None:
    app = make_app(
        public_url="https://attune.example", environment="production", allowed_hosts="b.example"
    )
    browser = app.test_client()

    def ask(path: str, host: str) -> int:
        return browser.get(path, base_url=f"https://{host}").status_code

    assert ask("/api/v1/nothing", "attune.example") == 404
    assert ask("/api/v1/nothing", "b.example:8443") == 404
    assert ask("/api/v1/nothing", "evil.example") == 400
    assert ask("/api/v1/nothing", "localhost") == 400
    assert ask("/healthz", "10.1.2.3:8080") == 200
    assert (
        make_app(allowed_hosts="*")
        .test_client()
        .get("/api/v1/nothing", base_url="http://any.example")
        .status_code
        == 404
    )


@pytest.mark.req("GW-14")
@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({}, True),  # no browser
        ({"Origin": "http://localhost"}, True),
        ({"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Origin": "http://evil.example"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": "http://localhost:81"}, False),
        ({"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"}, False),
        ({"Origin": "http://app.localhost", "Sec-Fetch-Site": "same-site"}, False),
        ({"Origin": "https://partner.example", "Sec-Fetch-Site": "cross-site"}, True),
        ({"Origin": "http://evil.example", "Authorization": "Bearer x"}, True),
    ],
)
def test_a_write_from_a_strange_page_is_refused(
    make_app: Callable[..., Flask], headers: dict[str, str], allowed: bool
) -> None:
    app = make_app(cors_origins="https://partner.example")
    answer = app.test_client().post(LOGIN, json=MISSING, headers=headers)
    reason = answer.get_json(force=True)["reason"]
    assert reason == ("WRONG_CREDENTIALS" if allowed else "CROSS_SITE")


@pytest.mark.req("GW-14")
def test_only_listed_origins_may_call_from_their_pages(make_app: Callable[..., Flask]) -> None:
    browser = make_app(cors_origins="https://partner.example").test_client()
    asked = {"Access-Control-Request-Method": "POST"}
    allowed = browser.options(LOGIN, headers={"Origin": "https://partner.example", **asked})
    assert allowed.status_code == 204
    assert allowed.headers["Access-Control-Allow-Origin"] == "https://partner.example"
    assert "Authorization" in allowed.headers["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Credentials" not in allowed.headers
    assert "Origin" in allowed.headers["Vary"]
    refused = browser.options(LOGIN, headers={"Origin": "https://evil.example", **asked})
    assert "Access-Control-Allow-Origin" not in refused.headers
    closed = (
        make_app()
        .test_client()
        .options(LOGIN, headers={"Origin": "https://partner.example", **asked})
    )
    assert "Access-Control-Allow-Origin" not in closed.headers


@pytest.mark.req("GW-14")
@pytest.mark.parametrize(
    ("peer", "told", "caller"),
    [
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),  # a stranger's word
        ("10.0.0.7", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.7", "6.6.6.6, 198.51.100.1", "198.51.100.1"),  # what came before it is forged
        ("10.0.0.7", "198.51.100.1, 10.0.0.8", "198.51.100.1"),
        ("10.0.0.7", "", "10.0.0.7"),
        ("10.0.0.7", "nonsense", "unknown"),
        ("2001:db8:1:2:3:4:5:6", "", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.9", "", "203.0.113.9"),
    ],
)
def test_only_our_own_proxies_are_believed(
    make_app: Callable[..., Flask], peer: str, told: str, caller: str
) -> None:
    app = make_app(trusted_proxies="10.0.0.0/8")
    environ, headers = {"REMOTE_ADDR": peer}, {"X-Forwarded-For": told} if told else {}
    with app.test_request_context("/", environ_base=environ, headers=headers):
        assert addresses.caller() == caller


@pytest.mark.req("GW-14")
def test_a_proxy_of_ours_says_whether_it_was_tls(make_app: Callable[..., Flask]) -> None:
    app = make_app(trusted_proxies="127.0.0.1")
    told = {"X-Forwarded-Proto": "https"}
    cookies = app.test_client().get("/signin", headers=told).headers.getlist("Set-Cookie")
    assert cookies
    assert all("Secure" in cookie for cookie in cookies)
    cookies = app.test_client().get("/signin").headers.getlist("Set-Cookie")
    assert not any("Secure" in cookie for cookie in cookies)
