"""The OpenAPI document and its page."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, get_args

import pytest
from flask import Flask, Response
from flask.testing import FlaskClient

from common.services import GATEWAY, SERVICES
from gateway.openapi import document as documents
from gateway.openapi import once
from gateway.schemas.audit import Service

METHODS = {"get", "post", "put", "patch", "delete"}
CALLS = {
    ("get", "/api/v1/providers/{username}"),
    ("get", "/api/v1/providers/{username}/slots"),
    ("get", "/api/v1/providers/{username}/slots/next"),
    ("get", "/api/v1/providers/{username}/days"),
    ("post", "/api/v1/providers/{username}/holds"),
    ("delete", "/api/v1/providers/{username}/holds/{hold_id}"),
    ("post", "/api/v1/providers/{username}/bookings"),
    ("get", "/api/v1/bookings"),
    ("get", "/api/v1/bookings/{booking_id}"),
    ("post", "/api/v1/bookings/{booking_id}/cancel"),
    ("post", "/api/v1/bookings/{booking_id}/confirm"),
    ("post", "/api/v1/bookings/{booking_id}/decline"),
    ("post", "/api/v1/bookings/{booking_id}/decline-cancellation"),
    ("post", "/api/v1/bookings/{booking_id}/start"),
    ("post", "/api/v1/bookings/{booking_id}/complete"),
    ("get", "/api/v1/bookings/{booking_id}/room"),
    ("post", "/api/v1/auth/login"),
    ("post", "/api/v1/auth/logout"),
    ("get", "/api/v1/auth/sessions"),
    ("delete", "/api/v1/auth/sessions/{session_id}"),
    ("get", "/api/v1/providers/{username}/hours"),
    ("put", "/api/v1/providers/{username}/hours"),
    ("get", "/api/v1/providers/{username}/overrides"),
    ("post", "/api/v1/providers/{username}/overrides"),
    ("delete", "/api/v1/providers/{username}/overrides/{override_id}"),
    ("get", "/api/v1/service-types"),
    ("post", "/api/v1/service-types"),
    ("patch", "/api/v1/service-types/{service_type_id}"),
    ("delete", "/api/v1/service-types/{service_type_id}"),
    ("get", "/api/v1/policies"),
    ("put", "/api/v1/policies"),
    ("get", "/api/v1/providers/{username}/policies"),
    ("put", "/api/v1/providers/{username}/policies"),
    ("get", "/api/v1/physical-rooms"),
    ("post", "/api/v1/physical-rooms"),
    ("get", "/api/v1/clients"),
    ("get", "/api/v1/clients/{client_id}"),
    ("patch", "/api/v1/clients/{client_id}"),
    ("get", "/api/v1/billables"),
    ("get", "/api/v1/providers/{username}/calendar-feed"),
    ("post", "/api/v1/providers/{username}/calendar-feed/rotate"),
    ("get", "/calendar/{token}.ics"),
    ("get", "/api/v1/audit"),
    ("get", "/api/v1/notices/failed"),
    ("post", "/api/v1/notices/{notice_id}/resend"),
    ("get", "/api/v1/dev/messages"),
    ("get", "/healthz"),
    ("get", "/readyz"),
}


@pytest.fixture
def document(browser: FlaskClient) -> Any:
    return browser.get("/api/v1/openapi.json").json


def operations(document: Any) -> list[tuple[str, str, Any]]:
    return [
        (method, path, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
    ]


@pytest.mark.req("PF-8")
def test_the_audit_can_name_every_service() -> None:
    assert get_args(Service) == (*SERVICES, GATEWAY)


@pytest.mark.req("GW-1", "GW-4")
def test_the_document_lists_all_calls_and_no_others(document: Any) -> None:
    assert document["openapi"].startswith("3.1")
    assert {(method, path) for method, path, _ in operations(document)} == CALLS


@pytest.mark.req("GW-1", "GW-2")
def test_every_operation_says_what_it_is_and_how_it_fails(document: Any) -> None:
    seen = set()
    tags = {tag["name"] for tag in document["tags"]}
    for method, path, operation in operations(document):
        assert operation["summary"], path
        assert set(operation["tags"]) <= tags
        seen.add(operation["operationId"])
        responses = operation["responses"]
        assert any(status.startswith("2") for status in responses), path
        for status, answer in responses.items():
            assert answer["description"]
            if status[0] in "45" and path != "/readyz":
                assert set(answer["content"]) == {"application/problem+json"}, path
        if method != "get":
            assert "429" in responses
        if operation.get("security"):
            assert {"401", "403"} <= set(responses), path
    assert len(seen) == len(CALLS)


@pytest.mark.req("GW-1")
def test_every_reference_leads_somewhere(document: Any) -> None:
    schemas = document["components"]["schemas"]
    references = set(re.findall(r"'\$ref': '#/components/schemas/(\w+)'", str(document)))
    assert references == set(schemas)


@pytest.mark.req("GW-3")
def test_what_cannot_simply_be_repeated_takes_an_idempotency_key(document: Any) -> None:
    for method, path, operation in operations(document):
        creates = "201" in operation["responses"]
        changes = path.startswith("/api/v1/bookings/{booking_id}/")
        headers = {p["name"] for p in operation["parameters"] if p["in"] == "header"}
        assert (method == "post" and (creates or changes)) == ("Idempotency-Key" in headers), path


@pytest.mark.req("GW-1")
def test_the_page_shows_every_operation_and_needs_nothing_from_elsewhere(
    browser: FlaskClient, document: Any
) -> None:
    answer = browser.get("/api/docs")
    assert answer.mimetype == "text/html"
    page = answer.text
    for _, path, operation in operations(document):
        assert path in page
        assert f'id="{operation["operationId"]}"' in page
    assert "http://" not in page.replace("http://localhost", "")
    assert "https://" not in page
    assert "<script" not in page
    assert "style=" not in page
    with browser.get("/api/docs/docs.css") as css:
        assert css.mimetype == "text/css"
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(re.findall(r'id="([^"]+)"', page))


@pytest.mark.req("GW-4")
def test_what_only_a_developer_may_see_is_nowhere_else(make_app: Any) -> None:
    browser = make_app(environment="production").test_client()
    assert browser.get("/api/v1/dev/messages").status_code == 404
    assert "/api/v1/dev/messages" not in browser.get("/api/v1/openapi.json").json["paths"]


@pytest.mark.req("GW-1")
@pytest.mark.parametrize("path", ["/api/docs", "/api/v1/openapi.json"])
def test_the_document_and_its_page_are_made_once(
    make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    made: list[bytes] = []

    def count(make: Callable[[], bytes], content_type: str) -> Callable[[], Response]:
        def counted() -> bytes:
            body = make()
            made.append(body)
            return body

        return once.made_once(counted, content_type)

    monkeypatch.setattr(documents, "made_once", count)
    app = make_app()

    def ask(_: int) -> bytes:
        answer = app.test_client().get(path)
        assert answer.status_code == 200
        return bytes(answer.data)

    with ThreadPoolExecutor(8) as crowd:
        assert len(set(crowd.map(ask, range(24)))) == 1
    assert len(made) == 1


@pytest.mark.req("GW-3")
@pytest.mark.parametrize("path", ["/api/docs", "/api/v1/openapi.json", "/api/docs/docs.css"])
def test_the_document_is_not_sent_again_unchanged(
    make_app: Callable[..., Flask], path: str
) -> None:
    browser = make_app().test_client()
    with browser.get(path) as first:
        assert "no-store" not in first.headers["Cache-Control"]
        known = {"If-None-Match": first.headers["ETag"]}
    with browser.get(path, headers=known) as again:
        assert (again.status_code, again.data) == (304, b"")
    with browser.get(path, headers={"If-None-Match": '"other"'}) as other:
        assert other.status_code == 200
