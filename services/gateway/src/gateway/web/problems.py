"""Failures as problem documents (RFC 9457, spec GW-2).

A document has a status, a stable reason in capitals, the offending fields, and the trace id. It
never has a stack trace, internals, or personal data.
"""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from flask import Response, request
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.http import HTTP_STATUS_CODES

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
    Unreadable,
)
from common.rpc import request_context, server
from gateway.web import field_names, middleware

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
    Unreadable: HTTPStatus.INTERNAL_SERVER_ERROR,
}
RETRY_AFTER = "1"  # seconds, while a service is unavailable


# For failures that have no message of their own.
DETAILS: Mapping[HTTPStatus, str] = {
    HTTPStatus.BAD_REQUEST: "This isn't a complete HTTP/1.1 request.",
    HTTPStatus.NOT_FOUND: "There is nothing at this address.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This address doesn't support this method.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too large. The limit is 65536 bytes.",
    HTTPStatus.REQUEST_URI_TOO_LONG: "The address is too long. The limit is 8190 characters.",
    HTTPStatus.EXPECTATION_FAILED: "The only supported expectation is 100-continue.",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: (
        "The headers are too large. The limits are 60 headers and 8190 characters each."
    ),
    HTTPStatus.NOT_IMPLEMENTED: (
        "Unsupported transfer encoding. Send the body as it is, or chunked."
    ),
}


class InvalidFields(Invalid):
    """The request isn't valid."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        first = next(iter(problems), "")
        super().__init__(problems.get(first, ""), field=first, reason="INVALID")
        self.fields = dict(problems)


class WithMembers(Exception):  # wraps a DomainError, is not one itself
    """A failure whose document carries additional members or headers."""

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


def title_of(status: int) -> str:
    """Return the name of a status, such as `Not Found`.

    The names are werkzeug's, since those of `http.HTTPStatus` depend on the version of Python.
    """
    return HTTP_STATUS_CODES[status]


def reason_of(status: int) -> str:
    """Return the reason of a failure that has none of its own, such as NOT_FOUND."""
    return title_of(status).upper().replace(" ", "_")


def status_of(failure: DomainError) -> HTTPStatus:
    """Return the HTTP status for a failure."""
    for kind in type(failure).__mro__:
        if kind in _STATUS:
            return _STATUS[kind]
    return HTTPStatus.INTERNAL_SERVER_ERROR


def from_exception(error: Exception) -> Response:
    """Return the document for an exception of a view; log it only if it is unexpected."""
    if isinstance(error, HTTPException):
        return _from_http(error)
    if isinstance(error, WithMembers):
        return document(error.failure, error.members, error.headers)
    failure = failure_of(error)
    if status_of(failure) == HTTPStatus.INTERNAL_SERVER_ERROR:
        # Connects the answer with the error that `to_domain` has logged, sampled or not.
        log.error("%s answered with 500", where(), extra={"trace_id": trace_id()})
    return document(failure)


def failure_of(error: Exception) -> DomainError:
    """Return the DomainError that stands for an exception of a view."""
    if isinstance(error, ParseException):  # a malformed chunked body
        return Invalid(DETAILS[HTTPStatus.BAD_REQUEST], reason=reason_of(HTTPStatus.BAD_REQUEST))
    return server.to_domain(error, where())


def document(
    failure: DomainError,
    members: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return the document for a failure."""
    status = status_of(failure)
    known = status != HTTPStatus.INTERNAL_SERVER_ERROR or isinstance(failure, Unreadable)
    fields = getattr(failure, "fields", None) or (
        {field_names.api_name(failure.field): failure.message} if failure.field else {}
    )
    response = _respond(
        status,
        failure.reason if known else "INTERNAL",
        failure.message if status < HTTPStatus.INTERNAL_SERVER_ERROR else "",
        {**({"fields": fields} if fields else {}), **(members or {})},
    )
    if status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = 'Bearer realm="attune"'
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = RETRY_AFTER
    response.headers.update(headers or {})
    return response


def _from_http(error: HTTPException) -> Response:
    if error.code is None or error.code < HTTPStatus.BAD_REQUEST:
        return error.get_response()  # type: ignore[return-value]  # a redirect made by werkzeug
    status = HTTPStatus(error.code)
    own = error.description if error.description != type(error).description else None
    response = _respond(status, reason_of(status), own or DETAILS.get(status, ""), {})
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods))
    return response


def _respond(status: HTTPStatus, reason: str, detail: str, members: Mapping[str, Any]) -> Response:
    body = encode(status, reason, detail, trace_id(), members)
    response = Response(body, status, content_type=CONTENT_TYPE)
    response.headers["Cache-Control"] = "no-store"
    return response


def encode(
    status: HTTPStatus,
    reason: str,
    detail: str,
    request_id: str,
    members: Mapping[str, Any] | None = None,
) -> bytes:
    """Return a problem document as bytes of CONTENT_TYPE."""
    return orjson.dumps(
        {
            "type": "about:blank",
            "title": title_of(status),
            "status": status.value,
            **({"detail": detail} if detail else {}),
            "reason": reason,
            "trace_id": request_id,
            **(members or {}),
        }
    )


def trace_id() -> str:
    """Return the id that connects this answer with logs, traces, and the audit: 32 hex digits."""
    return request_context.current().request


def where() -> str:
    """Return the method and endpoint of this request, without any text that the caller sent."""
    method = request.method if request.method in middleware.METHODS else middleware.OTHER
    return f"{method} {request.endpoint}"
