"""The development mailbox, encrypted."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from common import ids
from common.db import encryption
from notifications.store.tables import DevelopmentMessage


def add(
    session: Session, *, practice_id: UUID, message_id: str, to: str, source: str, now: datetime
) -> None:
    """Put a message into the mailbox, unless it holds one with this Message-ID."""
    message = DevelopmentMessage(id=ids.new())
    message.source = source
    session.execute(
        insert(DevelopmentMessage)
        .values(
            id=message.id,
            practice_id=practice_id,
            message_id=message_id,
            to_index=address_index(to),
            source_sealed=message.source_sealed,
            created_at=now,
        )
        .on_conflict_do_nothing()
    )


def newest(session: Session, to: str, limit: int) -> Sequence[DevelopmentMessage]:
    """Return the newest messages, newest first; with `to`, those to this address only."""
    query = select(DevelopmentMessage)
    if to:
        query = query.where(DevelopmentMessage.to_index == address_index(to))
    return session.scalars(query.order_by(DevelopmentMessage.sequence.desc()).limit(limit)).all()


def address_index(address: str) -> bytes:
    """Return the blind index of an address, regardless of case."""
    return encryption.ring().index(address.strip().casefold(), "development_messages.to")
