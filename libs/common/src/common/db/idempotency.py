"""Idempotency: repeating a request returns the first answer (spec BK-4).

Answers are stored encrypted. A `request_id` may be any text, so only its blind index is stored.
"""

from collections.abc import Sequence
from typing import Generic, TypeVar

from google.protobuf.message import Message
from sqlalchemy import (
    Column,
    ColumnElement,
    DateTime,
    LargeBinary,
    Table,
    Text,
    func,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from common.db import encryption
from common.db.database import SHARED
from common.errors import Conflict, Invalid

requests = Table(
    "idempotency",
    SHARED,
    Column("scope", Text, primary_key=True),
    Column("request_id", Text, primary_key=True),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("response", LargeBinary),
    Column("created_at", DateTime(timezone=True), server_default=func.now()),
)

LONGEST = 128
"""Characters of a `request_id`, at most."""
Response = TypeVar("Response", bound=Message)


class RequestIdReused(Conflict):
    """This idempotency key was already used with different content."""


class Claim(Generic[Response]):
    """A claim on a request, held by the transaction that does the work.

    `earlier` is the answer to an earlier request with the same id, or None for the first one.
    """

    def __init__(
        self,
        session: Session,
        where: Sequence[ColumnElement[bool]],
        location: str,
        earlier: Response | None,
    ) -> None:
        self.earlier = earlier
        self._session = session
        self._where = where
        self._location = location

    def answer(self, response: Response) -> Response:
        """Store the answer for repetitions of the request, and return it."""
        if self._where:
            sealed = encryption.ring().seal(response.SerializeToString(), self._location)
            self._session.execute(update(requests).where(*self._where).values(response=sealed))
        return response


def claim(session: Session, scope: str, request: Message, kind: type[Response]) -> Claim[Response]:
    """Claim a request for this transaction, by its `request_id` in a scope.

        claim = idempotency.claim(session, scope, request, CreateHoldResponse)
        if claim.earlier:
            return claim.earlier
        …
        return claim.answer(response)

    The claim commits or rolls back with the work; a concurrent repetition waits for the commit.
    A request with an empty `request_id` counts as new each time. Raises Invalid for a `request_id`
    with unusable text, and RequestIdReused if the request differs from the one that was answered.
    """
    check(request.request_id)  # type: ignore[attr-defined]  # by AIP-155
    key = _key(request)
    if not key:
        return Claim(session, (), "", None)
    fingerprint = _fingerprint(request)
    row = insert(requests).values(scope=scope, request_id=key, fingerprint=fingerprint)
    claimed = row.on_conflict_do_nothing().returning(requests.c.request_id)
    earlier = None
    if session.scalar(claimed) is None:
        earlier = recall(session, scope, request, kind)
        assert earlier is not None, "the conflicting row has committed"  # noqa: S101
    where = (requests.c.scope == scope, requests.c.request_id == key)
    location = encryption.location("idempotency", "response", f"{scope}:{key}")
    return Claim(session, where, location, earlier)


def recall(session: Session, scope: str, request: Message, kind: type[Response]) -> Response | None:
    """Return the earlier answer to a request, or None.

    Raises RequestIdReused if the request differs from the one that was answered.
    """
    key = _key(request)
    found = session.execute(
        select(requests.c.fingerprint, requests.c.response).where(
            requests.c.scope == scope, requests.c.request_id == key
        )
    ).one_or_none()
    if found is None:
        return None
    if bytes(found.fingerprint) != _fingerprint(request):
        raise RequestIdReused(field="Idempotency-Key")
    location = encryption.location("idempotency", "response", f"{scope}:{key}")
    return kind.FromString(encryption.ring().open(bytes(found.response), location))


def check(request_id: str) -> None:
    """Raise Invalid unless a `request_id` is printable and has at most LONGEST characters."""
    if len(request_id) > LONGEST or not request_id.isprintable():
        raise Invalid(
            f"Must be at most {LONGEST} printable characters.",
            field="Idempotency-Key",
            reason="INVALID_IDEMPOTENCY_KEY",
        )


def _key(request: Message) -> str:
    """Return the blind index of the request's id; empty if the request has no id."""
    request_id: str = request.request_id  # type: ignore[attr-defined]  # by AIP-155
    return encryption.ring().index(request_id, "idempotency.request_id").hex() if request_id else ""


def _fingerprint(request: Message) -> bytes:
    """Return a blind index of the request's content, apart from its id."""
    bare = type(request)()
    bare.CopyFrom(request)
    bare.ClearField("request_id")
    text = bare.SerializeToString(deterministic=True).hex()
    return encryption.ring().index(text, "idempotency")
