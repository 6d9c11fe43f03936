"""Failures as problem documents (RFC 9457, spec GW-2): a status, a stable reason in capitals, the
offending fields and the trace id; never a stack trace, internals or personal data."""

import logging
import secrets
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from flask import Response, g, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from common import server, telemetry
from common.clients import DeadlineExceeded
from common.errors import (
    Conflict,
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
from gateway import names

log = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"

_STATUS: Mapping[type[DomainError], HTTPStatus] = {
    Invalid: HTTPStatus.BAD_REQUEST,
    Unauthenticated: HTTPStatus.UNAUTHORIZED,
    NotAllowed: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    Stale: HTTPStatus.CONFLICT,
    Refused: HTTPStatus.UNPROCESSABLE_ENTITY,
    TooMany: HTTPStatus.TOO_MANY_REQUESTS,
    DeadlineExceeded: HTTPStatus.GATEWAY_TIMEOUT,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}
_RETRY_AFTER = "1"  # seconds, where something is away


class InvalidFields(Invalid):
    """The request is not valid."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        first = next(iter(problems), "")
        super().__init__(problems.get(first, ""), field=first, reason="INVALID")
        self.fields = dict(problems)


class WithMembers(Exception):  # wraps a failure, is none of its own
    """A failure whose document carries more members or headers than usual."""

    def __init__(
        self,
        failure: DomainError,
        members: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(failure.message)
        self.failure = failure
        self.members = members or {}
        self.headers = headers or {}


def status_of(failure: DomainError) -> HTTPStatus:
    """The HTTP status for a failure."""
    for kind in type(failure).__mro__:
        if kind in _STATUS:
            return _STATUS[kind]
    return HTTPStatus.INTERNAL_SERVER_ERROR


def from_exception(error: Exception) -> Response:
    """The document for whatever a view raised. Only what nobody expected is logged."""
    if isinstance(error, HTTPException):
        return _from_http(error)
    if isinstance(error, WithMembers):
        return document(error.failure, error.members, error.headers)
    failure = server.to_domain(error, _where())
    if status_of(failure) == HTTPStatus.INTERNAL_SERVER_ERROR:
        # What the caller was told, next to what `to_domain` has logged, by whatever is sampled.
        log.error("%s answered with 500", _where(), extra={"trace_id": trace_id()})
    return document(failure)


def document(
    failure: DomainError,
    members: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The document for a failure."""
    status = status_of(failure)
    fields = getattr(failure, "fields", None) or (
        {names.field(failure.field): failure.message} if failure.field else {}
    )
    response = _respond(
        status,
        failure.reason if status != HTTPStatus.INTERNAL_SERVER_ERROR else "INTERNAL",
        failure.message if status < HTTPStatus.INTERNAL_SERVER_ERROR else "",
        {**({"fields": fields} if fields else {}), **(members or {})},
    )
    if status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = 'Bearer realm="attune"'
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = _RETRY_AFTER
    response.headers.update(headers or {})
    return response


def _from_http(error: HTTPException) -> Response:
    if error.code is None or error.code < HTTPStatus.BAD_REQUEST:
        return error.get_response()  # type: ignore[return-value]  # a redirect, as werkzeug makes it
    status = HTTPStatus(error.code)
    response = _respond(status, status.name, status.description, {})
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods))
    return response


def _respond(status: HTTPStatus, reason: str, detail: str, members: Mapping[str, Any]) -> Response:
    body = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        **({"detail": detail} if detail else {}),
        "reason": reason,
        "trace_id": trace_id(),
        **members,
    }
    response = Response(orjson.dumps(body), status, content_type=CONTENT_TYPE)
    response.headers["Cache-Control"] = "no-store"
    return response


def trace_id() -> str:
    """What connects this answer with logs and traces: 32 hex digits."""
    if found := telemetry.current_trace_id():
        return found
    if "trace_id" not in g:
        _, _, rest = request.headers.get("traceparent", "").partition("-")
        sent = rest.partition("-")[0]
        g.trace_id = sent if _is_trace_id(sent) else secrets.token_hex(16)
    return str(g.trace_id)


def _is_trace_id(text: str) -> bool:
    return len(text) == 32 and all(c in "0123456789abcdef" for c in text)


def _where() -> str:
    return f"{request.method} {request.endpoint}"
