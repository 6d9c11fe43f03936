"""Operations of the API.

An operation declares in one place its route, who may call it, its rate limit, and what it reads and
answers. Serving it and its entry in the OpenAPI document both follow from that declaration, so that
neither can drift from the other.
"""

import functools
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from typing import Any, NamedTuple, TypeVar

import orjson
from flask import Blueprint, Response, request

from common.errors import Invalid
from common.rpc import identity
from common.rpc.identity import Identity
from gateway.identity import manage_links, sessions
from gateway.openapi import reader
from gateway.openapi.problem import Problem
from gateway.openapi.types import Documented
from gateway.web import rate_limits
from gateway.web.protection import SAFE_METHODS

PREFIX = "/api/v1"
IDEMPOTENCY_HEADER = "Idempotency-Key"
IDEMPOTENCY_KEY = "[!-~]{1,128}"
JSON = "application/json"
View = TypeVar("View", bound=Callable[..., Any])


class InvalidIdempotencyKey(Invalid):
    """Must be 1 to 128 printable ASCII characters without spaces."""


class Access(Enum):
    """The callers that an operation admits.

    These are everybody, signed-in staff, or staff and the holder of a booking's manage link. The
    values name the security schemes of the document.
    """

    # Python 3.11.2 makes an object of an empty tuple as a value.
    ANYBODY = ""
    STAFF = "bearer"
    STAFF_OR_LINK = "bearer manage_token"


class Tag(NamedTuple):
    """A chapter of the OpenAPI document."""

    name: str
    description: str


@dataclass(frozen=True)
class Operation:
    """One operation as it is declared; its name and docstring are those of its view."""

    name: str
    docstring: str
    tag: Tag
    method: str
    path: str
    answer: Any  # a model, a list of one, or None
    access: Access = Access.ANYBODY
    status: int = HTTPStatus.OK
    query: type[Documented] | None = None
    body: type[Documented] | None = None
    errors: Sequence[int] = ()
    idempotent: bool = False  # takes an idempotency key
    cached: bool = False  # answers carry an ETag
    limit: str = ""  # the rate limit that counts, if it is not the usual one
    content_type: str = JSON
    headers: Sequence[str] = ()  # that the request may carry
    conflict: type[Documented] = Problem
    unavailable: type[Documented] | None = None  # the answer of 503, if that is not a problem

    @property
    def rate_limit(self) -> str:
        """The limit that counts; reads count only among all requests (`gateway.web.protection`)."""
        if self.limit or self.method in SAFE_METHODS:
            return self.limit
        return "public_writes" if self.access is Access.ANYBODY else "writes"


class Operations(Blueprint):
    """A blueprint for the operations on one resource."""

    def __init__(self, name: str, tag: Tag, prefix: str = PREFIX) -> None:
        super().__init__(name, __name__, url_prefix=prefix)
        self.tag = tag
        self.prefix = prefix
        self.declared: list[Operation] = []

    def operation(
        self, method: str, path: str, answer: Any, **declared: Any
    ) -> Callable[[View], View]:
        """Serve a view under a path; `declared` are further fields of Operation.

        The view gets the arguments of the path, `query` and `body`. It returns the answer's model,
        the same as plain values, or a response.
        """

        def decorate(view: View) -> View:
            operation = Operation(
                view.__name__,
                view.__doc__ or "",
                self.tag,
                method,
                self.prefix + path,
                answer,
                **declared,
            )
            self.declared.append(operation)
            self.add_url_rule(path, view.__name__, _served(operation, view), methods=[method])
            return view

        return decorate


def _served(operation: Operation, view: Callable[..., Any]) -> Callable[..., Response]:
    access, body, query = operation.access, operation.body, operation.query
    limit, status, cached = operation.rate_limit, operation.status, operation.cached

    @functools.wraps(view)
    def served(**arguments: Any) -> Response:
        with identity.acting_as(_caller(access)):
            if limit:
                rate_limits.count(limit)
            if body:
                arguments["body"] = reader.body(request, body)
            if query:
                arguments["query"] = reader.query(request, query)
            answer = view(**arguments)
        response = _respond(answer, status)
        return _cacheable(response, access) if cached else response

    return served


def request_id() -> str:
    """Return the caller's idempotency key, or a new id for this call alone."""
    sent = request.headers.get(IDEMPOTENCY_HEADER)
    if sent is None:
        return secrets.token_urlsafe(24)
    if not re.fullmatch(IDEMPOTENCY_KEY, sent):
        raise InvalidIdempotencyKey(field=IDEMPOTENCY_HEADER)
    return sent


def json_response(body: bytes, status: int = HTTPStatus.OK) -> Response:
    """Return a response with encoded JSON."""
    return Response(body, status, content_type=JSON)


def encode(answer: Documented) -> bytes:
    """Return a model as JSON, without the fields that have no value."""
    return answer.model_dump_json(by_alias=True, exclude_none=True).encode()


def _caller(access: Access) -> Identity:
    if access is Access.ANYBODY:
        return identity.VISITOR
    if access is Access.STAFF_OR_LINK and (token := manage_links.sent_token()):
        return manage_links.holder(token)
    return sessions.required().identity


def _respond(answer: Any, status: int) -> Response:
    if isinstance(answer, Response):
        return answer
    if answer is None:
        return Response(status=status)
    if isinstance(answer, Documented):
        return json_response(encode(answer), status)
    if isinstance(answer, list):
        return json_response(b"[" + b",".join(map(encode, answer)) + b"]", status)
    return json_response(orjson.dumps(answer), status)


def _cacheable(response: Response, access: Access) -> Response:
    if response.status_code != HTTPStatus.OK:
        return response
    kept = "public, no-cache" if access is Access.ANYBODY else "no-store"
    response.headers.setdefault("Cache-Control", kept)
    response.add_etag()
    if "If-None-Match" in request.headers:
        response.make_conditional(request)
    return response
