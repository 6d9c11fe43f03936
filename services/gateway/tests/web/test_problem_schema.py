"""Every kind of failure is answered with a document as RFC 9457 defines problem details."""

import json
from collections.abc import Callable
from typing import Any

import jsonschema_rs
import pytest
from flask import Flask
from werkzeug.exceptions import HTTPException, default_exceptions

from common.db.encryption import KeyMissing
from common.errors import KINDS, DeadlineExceeded, DomainError
from gateway.openapi.reader import MalformedJson
from gateway.web.problems import InvalidFields, WithMembers
from gateway.web.rate_limits import TooManyRequests
from tests.reasons import TABLE

RFC_9457 = {  # its appendix A
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 100, "maximum": 599},
        "detail": {"type": "string"},
        "instance": {"type": "string", "format": "uri-reference"},
    },
}
KINDS_OF_FAILURE: list[Exception] = [
    *(kind() for kind in KINDS.values()),
    *(kind() for kind in default_exceptions.values() if kind.code and kind.code < 505),
    DeadlineExceeded(),
    TooManyRequests(),
    MalformedJson(),
    InvalidFields({"client.email": "Required.", "mode": "Required."}),
    WithMembers(KINDS[next(iter(KINDS))](), {"alternatives": []}, {"Retry-After": "2"}),
    KeyMissing("accounts.email:7", "k1"),
    DomainError(),
    RuntimeError("a defect"),
]


@pytest.fixture(scope="module")
def told() -> set[tuple[str, int]]:
    """The reasons of the API reference, with their statuses."""
    return {(row["reason"], row["status"]) for row in json.loads(TABLE.read_text())}


@pytest.mark.req("GW-2")
def test_every_kind_is_a_problem_document(
    make_app: Callable[..., Flask], document_schema: Any
) -> None:
    app = make_app()
    failures = dict(enumerate(KINDS_OF_FAILURE))

    @app.get("/api/v1/fail/<int:number>")
    def view(number: int) -> str:
        raise failures[number]

    client = app.test_client()
    for number, failure in failures.items():
        answer = client.get(f"/api/v1/fail/{number}")
        assert answer.mimetype == "application/problem+json", failure
        problem = answer.get_json(force=True)
        jsonschema_rs.validate(RFC_9457, problem, validate_formats=True)
        jsonschema_rs.validate(document_schema, problem, validate_formats=True)
        assert problem["status"] == answer.status_code
        if isinstance(failure, HTTPException):
            assert problem["status"] == failure.code
        assert "a defect" not in answer.text


@pytest.fixture
def document_schema(make_app: Callable[..., Flask]) -> Any:
    """The schema of Problem in the OpenAPI document."""
    document = make_app().test_client().get("/api/v1/openapi.json").json
    assert document
    return document["components"]["schemas"]["Problem"]


@pytest.mark.req("GW-2")
@pytest.mark.parametrize(
    ("method", "path", "sent", "status"),
    [
        ("GET", "/api/v1/nothing", {}, 404),
        ("DELETE", "/api/v1/policies", {}, 405),
        ("GET", "/api/v1/policies", {}, 401),
        ("POST", "/api/v1/auth/login", {"data": "{", "content_type": "application/json"}, 400),
        ("POST", "/api/v1/auth/login", {"json": {}}, 400),
        ("POST", "/api/v1/auth/login", {"data": "x"}, 415),
        ("POST", "/api/v1/auth/login", {"data": b"x" * 70_000}, 413),
        ("GET", "/api/v1/providers/demo", {"headers": {"Host": "other.example"}}, 400),
        (
            "POST",
            "/api/v1/auth/login",
            {"json": {}, "headers": {"Sec-Fetch-Site": "cross-site"}},
            403,
        ),
        ("GET", "/api/v1/providers/demo", {}, 503),
    ],
)
def test_what_the_gateway_refuses_by_itself(
    make_app: Callable[..., Flask],
    told: set[tuple[str, int]],
    method: str,
    path: str,
    sent: dict[str, Any],
    status: int,
) -> None:
    answer = make_app().test_client().open(path, method=method, **sent)
    assert answer.status_code == status
    assert answer.mimetype == "application/problem+json"
    problem = answer.get_json(force=True)
    jsonschema_rs.validate(RFC_9457, problem, validate_formats=True)
    assert (problem["reason"], status) in told
