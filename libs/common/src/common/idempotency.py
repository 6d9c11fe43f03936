"""The same request twice is done once, and answered as it was (spec BK-4)."""

from collections.abc import Callable
from typing import TypeVar

from google.protobuf.message import Message
from sqlalchemy import Column, DateTime, LargeBinary, Table, Text, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from common import crypto
from common.errors import Conflict, Invalid
from common.outbox import shared

requests = Table(
    "idempotency",
    shared,
    Column("scope", Text, primary_key=True),
    Column("request_id", Text, primary_key=True),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("response", LargeBinary),
    Column("created_at", DateTime(timezone=True), server_default=func.now()),
)

LONGEST = 128
Response = TypeVar("Response", bound=Message)


class RequestIdReused(Conflict):
    """This idempotency key was used before, with other content."""


def once(
    session: Session,
    scope: str,
    request: Message,
    kind: type[Response],
    do: Callable[[], Response],
) -> Response:
    """Do this unless a request with the same `request_id` in the scope was done before; then
    answer as at that time. The claim commits or rolls back with the work; a concurrent twin
    waits for it. Answers are stored encrypted."""
    request_id: str = request.request_id  # type: ignore[attr-defined]  # by AIP-155
    check(request_id)
    if not request_id:
        return do()
    fingerprint = _fingerprint(request)
    claim = insert(requests).values(scope=scope, request_id=request_id, fingerprint=fingerprint)
    claimed = claim.on_conflict_do_nothing().returning(requests.c.request_id)
    if session.scalar(claimed) is None:
        earlier = recall(session, scope, request, kind)
        assert earlier is not None, "the conflicting row has committed"  # noqa: S101
        return earlier
    response = do()
    place = crypto.place("idempotency", "response", f"{scope}:{request_id}")
    session.execute(
        update(requests)
        .where(requests.c.scope == scope, requests.c.request_id == request_id)
        .values(response=crypto.ring().seal(response.SerializeToString(), place))
    )
    return response


def recall(session: Session, scope: str, request: Message, kind: type[Response]) -> Response | None:
    """The earlier answer to this request, if there is one; raises RequestIdReused."""
    request_id: str = request.request_id  # type: ignore[attr-defined]  # by AIP-155
    found = session.execute(
        select(requests.c.fingerprint, requests.c.response).where(
            requests.c.scope == scope, requests.c.request_id == request_id
        )
    ).one_or_none()
    if found is None:
        return None
    if bytes(found.fingerprint) != _fingerprint(request):
        raise RequestIdReused(field="Idempotency-Key")
    place = crypto.place("idempotency", "response", f"{scope}:{request_id}")
    return kind.FromString(crypto.ring().open(bytes(found.response), place))


def check(request_id: str) -> None:
    """Raises Invalid unless the key is printable and of reasonable length."""
    if len(request_id) > LONGEST or not request_id.isprintable():
        raise Invalid(
            f"An idempotency key has at most {LONGEST} printable characters",
            field="Idempotency-Key",
            reason="INVALID_IDEMPOTENCY_KEY",
        )


def _fingerprint(request: Message) -> bytes:
    bare = type(request)()
    bare.CopyFrom(request)
    bare.ClearField("request_id")
    text = bare.SerializeToString(deterministic=True).hex()
    return crypto.ring().index(text, "idempotency")
