"""Requests that change something, done once for each `request_id`."""

from typing import TypeVar

from google.protobuf.message import Message
from sqlalchemy.orm import Session

from availability.actions.setup import lock_practice
from availability.store.tables import Practice
from common.db import idempotency
from common.db.idempotency import Claim
from common.rpc.identity import Identity

Response = TypeVar("Response", bound=Message)


def claim(
    session: Session, actor: Identity, request: Message, kind: type[Response]
) -> tuple[Practice, Claim[Response]]:
    """Lock the actor's practice and claim a request of the actor; return both.

    In this order, because a repetition waits for the lock before it looks for the earlier answer.
    """
    practice = lock_practice(session, actor)
    scope = f"{type(request).__name__}:{actor.subject}:{practice.practice_id}"
    return practice, idempotency.claim(session, scope, request, kind)
