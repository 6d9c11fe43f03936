"""Failures as problem documents."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from attune.common.v1 import types_pb2 as types
from common.db.encryption import KeyMissing
from common.errors import (
    Conflict,
    DeadlineExceeded,
    DomainError,
    Invalid,
    NotAllowed,
    NotFound,
    Refused,
    Stale,
    TooMany,
    Unauthenticated,
    Unavailable,
)
from gateway import words
from gateway.web import field_names
from gateway.web.problems import InvalidFields, WithMembers

TRACE = "0af7651916cd43dd8448eb211c80319c"
SENT = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-00"}


class SlotTaken(Conflict):
    """Somebody else has booked this time."""


@pytest.fixture
def fail(make_app: Callable[..., Flask]) -> Callable[[Exception], Any]:
    """`fail(error)` is the answer of a view that raises the error."""

    def answer(error: Exception) -> Any:
        app = make_app()

        @app.get("/api/v1/fail")
        def view() -> str:
            raise error

        return app.test_client().get("/api/v1/fail", headers=SENT)

    return answer


@pytest.mark.req("GW-2")
def test_a_failure_is_a_problem_document(fail: Callable[[Exception], Any]) -> None:
    answer = fail(SlotTaken(field="start_time"))
    assert answer.status_code == 409
    assert answer.content_type == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.get_json(force=True) == {
        "type": "about:blank",
        "title": "Conflict",
        "status": 409,
        "detail": "Somebody else has booked this time.",
        "reason": "SLOT_TAKEN",
        "trace_id": TRACE,
        "fields": {"start": "Somebody else has booked this time."},
    }


@pytest.mark.req("GW-2", "PF-7")
def test_a_lost_key_is_told_by_its_reason_and_named_in_the_log_alone(
    fail: Callable[[Exception], Any], caplog: pytest.LogCaptureFixture
) -> None:
    answer = fail(KeyMissing("accounts.email:7", "k1"))
    assert answer.status_code == 500
    assert answer.get_json(force=True) == {
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
        "reason": "KEY_MISSING",
        "trace_id": TRACE,
    }
    assert caplog.messages == [
        "GET view: accounts.email:7: key 'k1' is not here",
        "GET view answered with 500",
    ]


@pytest.mark.req("GW-2")
@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Invalid(), 400),
        (Unauthenticated(), 401),
        (NotAllowed(), 403),
        (NotFound(), 404),
        (Conflict(), 409),
        (Stale(), 409),
        (Refused(), 422),
        (TooMany(), 429),
        (Unavailable(), 503),
        (DeadlineExceeded(), 504),
        (DomainError("a detail", reason="WHATEVER"), 500),
        (RuntimeError("a detail"), 500),
    ],
)
def test_each_kind_has_its_status(
    fail: Callable[[Exception], Any], error: Exception, status: int
) -> None:
    answer = fail(error)
    assert answer.status_code == status
    assert answer.get_json(force=True)["status"] == status


@pytest.mark.req("GW-2")
@pytest.mark.parametrize("error", [RuntimeError("Jane Roe"), Unavailable("db-7.internal")])
def test_nothing_internal_is_told(fail: Callable[[Exception], Any], error: Exception) -> None:
    answer = fail(error)
    assert b"Jane" not in answer.data
    assert b"internal" not in answer.data
    assert "detail" not in answer.get_json(force=True)


@pytest.mark.req("GW-2")
def test_all_fields_are_named_and_more_members_added(fail: Callable[[Exception], Any]) -> None:
    faults = {"client.email": "not an e-mail address", "start": "missing"}
    assert fail(InvalidFields(faults)).get_json(force=True)["fields"] == faults
    answer = fail(WithMembers(SlotTaken(), {"alternatives": []}, {"Retry-After": "7"}))
    assert answer.get_json(force=True)["alternatives"] == []
    assert answer.headers["Retry-After"] == "7"


@pytest.mark.req("GW-2")
def test_every_way_to_ask_wrongly_is_a_problem_document(browser: FlaskClient) -> None:
    login, json = "/api/v1/auth/login", "application/json"
    for answer, status, reason in (
        (browser.get("/api/v1/nothing"), 404, "NOT_FOUND"),
        (browser.put(login), 405, "METHOD_NOT_ALLOWED"),
        (browser.post(login, data="{}"), 415, "UNSUPPORTED_MEDIA_TYPE"),
        (browser.post(login, data="{", content_type=json), 400, "MALFORMED_JSON"),
        (browser.post(login, data=b"\xff", content_type=json), 400, "MALFORMED_JSON"),
        (browser.post(login, data="[" * 50_000, content_type=json), 400, "MALFORMED_JSON"),
        (
            browser.post(login, data="x" * 65_537, content_type=json),
            413,
            "REQUEST_ENTITY_TOO_LARGE",
        ),
        (browser.post(login, json={}), 400, "INVALID"),
        (browser.post(login, json=[]), 400, "INVALID"),
        (browser.post(login), 400, "MALFORMED_JSON"),
    ):
        problem = answer.get_json(force=True)
        assert (answer.status_code, problem["reason"]) == (status, reason)
        assert answer.content_type == "application/problem+json"
    assert browser.put(login).headers["Allow"] == "OPTIONS, POST"


@pytest.mark.req("GW-2")
def test_a_trace_id_is_made_where_none_was_sent(browser: FlaskClient) -> None:
    first, second = (
        browser.get("/api/v1/nothing").get_json(force=True)["trace_id"] for _ in range(2)
    )
    assert len(first) == len(second) == 32
    assert first != second


def test_fields_are_called_as_the_api_calls_them() -> None:
    assert field_names.api_name("hours.blocks[3].room_id") == "blocks[3].place"
    assert field_names.api_name("service_type.price.currency_code") == "price.currency"
    assert field_names.api_name("client.email") == "client.email"
    assert words.word(types.Mode, 2) == "in_person"
    assert words.value(types.Mode, "phone") == 3
    assert words.word(types.Mode, 0) is None
