"""The OpenAPI document and its page."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, get_args

import jsonschema_rs
import pytest
from flask import Flask, Response
from flask.testing import FlaskClient

from common.services import GATEWAY, SERVICES
from gateway.openapi import document as documents
from gateway.openapi import once
from gateway.schemas.audit import Service

PUBLIC = {
    "get_provider",
    "list_slots",
    "list_next_slots",
    "list_days",
    "create_hold",
    "release_hold",
    "create_booking",
    "login",
    "read_calendar_feed",
    "get_health",
    "get_readiness",
    "list_development_messages",
}
# All of JSON Schema 2020-12 that the document uses.
KEYWORDS = {
    *("$ref", "type", "enum", "const", "anyOf", "format", "pattern", "title", "description"),
    *("default", "examples", "minimum", "maximum", "minLength", "maxLength", "items", "minItems"),
    *("maxItems", "properties", "required", "additionalProperties", "propertyNames"),
    *("minProperties", "maxProperties"),
}
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
    ("post", "/api/v1/bookings/{booking_id}/reopen"),
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
    ("get", "/api/v1/practice"),
    ("patch", "/api/v1/practice"),
    ("post", "/api/v1/bookings/{booking_id}/update-client"),
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


def schemas_in(document: Any) -> dict[str, Any]:
    """Return every schema of the document, those within schemas too, by its place."""
    return {place: one for place, one in _schemas(document, "") if isinstance(one, dict)}


def _schemas(part: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(part, list):
        for number, one in enumerate(part):
            yield from _schemas(one, f"{path}/{number}")
    elif isinstance(part, dict):
        for name, one in part.items():
            if name in ("schema", "items", "additionalProperties", "propertyNames"):
                yield f"{path}/{name}", one
            if name in ("schemas", "properties", "$defs"):
                yield from ((f"{path}/{name}/{key}", value) for key, value in one.items())
            if name in ("anyOf", "oneOf", "allOf"):
                yield from ((f"{path}/{name}/{n}", value) for n, value in enumerate(one))
            if name not in ("example", "examples", "default"):
                yield from _schemas(one, f"{path}/{name}")


@pytest.mark.req("GW-1")
def test_every_schema_is_json_schema_and_nothing_else(document: Any) -> None:
    found = schemas_in(document)
    assert len(found) > 300
    for place, schema in found.items():
        jsonschema_rs.Draft202012Validator(schema | {"components": document["components"]})
        assert set(schema) <= KEYWORDS, place
        shown = [schema["default"]] if "default" in schema else []
        for value in (*shown, *schema.get("examples", ())):
            judge(document, schema, value)


def judge(document: Any, schema: Any, value: Any) -> None:
    """Raise unless a value is as its schema says."""
    whole = {**schema, "components": document["components"]}
    jsonschema_rs.validate(whole, value, validate_formats=True)


@pytest.mark.req("GW-1")
def test_every_example_is_as_its_schema_says(document: Any) -> None:
    shown = 0
    for _, _, operation in operations(document):
        for parameter in operation["parameters"]:
            if "example" in parameter:
                judge(document, parameter["schema"], parameter["example"])
        bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
        for content in (c for body in bodies for c in body.get("content", {}).values()):
            for reference in content.get("examples", {}).values():
                name = reference["$ref"].rpartition("/")[2]
                judge(
                    document, content["schema"], document["components"]["examples"][name]["value"]
                )
                shown += 1
    assert shown > 60


@pytest.mark.req("GW-1")
@pytest.mark.parametrize(
    ("place", "bounds"),
    [
        ("get /api/v1/bookings limit", {"minimum": 1, "maximum": 200}),
        ("get /api/v1/audit limit", {"minimum": 1, "maximum": 200}),
        ("get /api/v1/clients limit", {"minimum": 1, "maximum": 200}),
        ("get /api/v1/providers/{username}/slots/next count", {"minimum": 1, "maximum": 50}),
        ("get /api/v1/bookings status", {"maxItems": 8}),
        ("NewWeeklyBlock day", {"minimum": 0, "maximum": 6}),
        ("NewHours version", {"minimum": 0, "maximum": 2**53}),
        ("NewHours blocks", {"maxItems": 105}),
        ("NewServiceType duration_minutes", {"minimum": 5, "maximum": 480}),
        ("NewServiceType buffer_after_minutes", {"minimum": 0, "maximum": 240}),
        ("NewServiceType title", {"maxLength": 200}),
        ("Money minor_units", {"minimum": 0, "maximum": 10**12}),
        ("NewPolicies hold_minutes", {"minimum": 1, "maximum": 60}),
        ("NewPolicies maximum_advance_days", {"minimum": 0, "maximum": 3660}),
    ],
)
def test_bounds_are_there_for_programs(document: Any, place: str, bounds: Any) -> None:
    if "/" in place:
        method, path, name = place.split()
        parameters = document["paths"][path][method]["parameters"]
        (schema,) = (one["schema"] for one in parameters if one["name"] == name)
    else:
        model, name = place.split()
        schema = document["components"]["schemas"][model]["properties"][name]
        schema = next(iter(schema.get("anyOf", [schema])))  # or null
    assert bounds.items() <= schema.items()


@pytest.mark.req("GW-1")
def test_a_zone_is_a_string_with_an_example(document: Any) -> None:
    zones = [s for s in schemas_in(document).values() if s.get("format") == "timezone"]
    assert len(zones) >= 7
    assert all(zone["type"] == "string" and zone["examples"] for zone in zones)
    longest = max(len(schema.get("enum", ())) for schema in schemas_in(document).values())
    assert longest < 20


@pytest.mark.req("GW-1")
def test_every_operation_says_who_may_call_it(document: Any) -> None:
    public = {op["operationId"] for _, _, op in operations(document) if op["security"] == []}
    assert public == PUBLIC


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
