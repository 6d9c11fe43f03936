"""One operation of the API: its route, who may call it, how often, what it reads and answers, and
its entry in the OpenAPI document, declared together so that none can drift from the others."""

import contextlib
import functools
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from typing import Any, TypeVar

import orjson
from apiflask import APIBlueprint
from flask import Response, request
from pydantic import BaseModel

from attune.booking.v1 import booking_service_pb2 as bookings
from common.errors import Invalid, NotFound, Unauthenticated
from common.rpc import identity
from common.rpc.identity import Identity
from gateway import limits, sessions, validation
from gateway.backends import backends
from gateway.schemas import access as schemas

PREFIX = "/api/v1"
IDEMPOTENCY_HEADER = "Idempotency-Key"
IDEMPOTENCY_KEY = "[!-~]{1,128}"
TOKEN = "token"  # noqa: S105  # the parameter's name
ITSELF = Identity("service:gateway")
validation.install()  # before any operation is declared
View = TypeVar("View", bound=Callable[..., Any])
_UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class InvalidIdempotencyKey(Invalid):
    """An idempotency key has 1 to 128 printable characters and no spaces."""


class UnknownCursor(NotFound):
    """This cursor leads to no page."""


class Access(Enum):
    """Who may call: everybody, signed-in staff, or also whoever has a booking's manage link."""

    ANYBODY = ()
    STAFF = ("bearer",)
    STAFF_OR_LINK = ("bearer", "manage_token")


@dataclass(frozen=True)
class Described:
    """What the document says of an operation, beyond what APIFlask writes (`gateway.openapi`)."""

    answer: Any  # a model, a list of one, or None
    status: int
    access: Access
    errors: Sequence[int]
    idempotent: bool
    cached: bool
    body: type[BaseModel] | None = None
    content_type: str = "application/json"
    headers: Sequence[str] = ()  # that the request may carry
    conflict: type[BaseModel] = schemas.Problem
    unavailable: type[BaseModel] | None = None  # where 503 is no problem but an answer


class Operations(APIBlueprint):
    """The operations about one thing."""

    def __init__(self, name: str, about: str, prefix: str = PREFIX) -> None:
        tag = {"name": name.replace("_", " ").capitalize(), "description": about}
        super().__init__(name, __name__, tag=tag, url_prefix=prefix)

    def operation(
        self,
        method: str,
        path: str,
        answer: Any,
        *,
        access: Access = Access.ANYBODY,
        status: int = HTTPStatus.OK,
        query: type[BaseModel] | None = None,
        body: type[BaseModel] | None = None,
        errors: Sequence[int] = (),
        idempotent: bool = False,
        cached: bool = False,
        limit: str = "",
        **described: Any,
    ) -> Callable[[View], View]:
        """Serve a view under a path. Its docstring and name become the document's; it gets the
        arguments of the path, `query` and `body`, and answers with the model, the same as plain
        values, or a response."""
        kind = limit or _kind(method, access)
        description = Described(
            answer, status, access, errors, idempotent, cached, body, **described
        )

        def decorate(view: View) -> View:
            read: Any = view
            if query:
                read = self.input(query, location="query", arg_name="query")(read)
            if body:
                read = self.input(body, location="json", arg_name="body")(read)

            @functools.wraps(read)
            def served(**arguments: Any) -> Response:
                with identity.acting_as(_caller(access)):
                    if kind:
                        limits.count(kind)
                    answered = read(**arguments)
                return _cacheable(_respond(answered, status), access, cached)

            served.described = description  # type: ignore[attr-defined]  # for gateway.openapi
            documented = self.doc(operation_id=view.__name__)(served)
            self.route(path, methods=[method])(documented)
            return view

        return decorate


def request_id() -> str:
    """The caller's idempotency key, or one for this call alone."""
    sent = request.headers.get(IDEMPOTENCY_HEADER)
    if sent is None:
        return secrets.token_urlsafe(24)
    if not re.fullmatch(IDEMPOTENCY_KEY, sent):
        raise InvalidIdempotencyKey(field=IDEMPOTENCY_HEADER)
    return sent


def json_response(body: bytes, status: int = HTTPStatus.OK) -> Response:
    """Encoded JSON as it goes out."""
    return Response(body, status, content_type="application/json")


def encoded(answer: BaseModel) -> bytes:
    """A model as JSON; what has no value is left out."""
    return answer.model_dump_json(by_alias=True, exclude_none=True).encode()


@contextlib.contextmanager
def paging() -> Iterator[None]:
    """A cursor that belongs to no page is not found, whatever is wrong with it."""
    try:
        yield
    except Invalid as error:
        if error.field == "page_token":
            raise UnknownCursor(field=error.field) from None
        raise


def manage_link_identity(token: str) -> Identity:
    """Whom a manage link belongs to; raises Unauthenticated for one that opens nothing."""
    with identity.acting_as(ITSELF):
        try:
            asked = bookings.ResolveManageTokenRequest(manage_token=token)
            found = backends().bookings.ResolveManageToken(asked)
        except (NotFound, Invalid):
            raise Unauthenticated("This link is not valid.") from None
    return Identity(
        f"client:{found.client_id}",
        found.practice_id,
        client_id=found.client_id,
        booking_id=found.booking_id,
    )


def _caller(access: Access) -> Identity:
    if access is Access.ANYBODY:
        return identity.VISITOR
    if access is Access.STAFF_OR_LINK and (token := _manage_token()):
        return manage_link_identity(token)
    return sessions.required().identity


def _manage_token() -> str:
    scheme, _, sent = request.headers.get("Authorization", "").partition(" ")
    return sent.strip() if scheme.lower() == "manage" else request.args.get(TOKEN, "")


def _kind(method: str, access: Access) -> str:
    """Which limit counts; reads are counted with all requests (`gateway.protection`)."""
    if method not in _UNSAFE:
        return ""
    return "public_writes" if access is Access.ANYBODY else "writes"


def _respond(answered: Any, status: int) -> Response:
    if isinstance(answered, Response):
        return answered
    if answered is None:
        return Response(status=status)
    if isinstance(answered, BaseModel):
        return json_response(encoded(answered), status)
    if isinstance(answered, list):
        return json_response(b"[" + b",".join(map(encoded, answered)) + b"]", status)
    return json_response(orjson.dumps(answered), status)


def _cacheable(response: Response, access: Access, cached: bool) -> Response:
    if not cached or response.status_code != HTTPStatus.OK:
        return response
    whose = "public" if access is Access.ANYBODY else "private"
    response.headers.setdefault("Cache-Control", f"{whose}, no-cache")
    response.add_etag()
    response.make_conditional(request)
    return response
