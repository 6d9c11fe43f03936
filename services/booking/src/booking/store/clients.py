"""Clients: found by e-mail through a blind index, listed by creation."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, exists, false, select, text, tuple_
from sqlalchemy.orm import Session

from booking.domain.contacts import Contact
from booking.store.tables import Booking, Client, insertion, values
from common import ids
from common.db import encryption
from common.db.cursor import Place
from common.errors import NotFound
from common.rpc.identity import Identity

_ADD = text(f"{insertion(Client)} ON CONFLICT DO NOTHING RETURNING id")

NEW = "new"
ACTIVE = "active"


def index(contact: Contact) -> bytes:
    """The blind index of a contact's e-mail."""
    return encryption.ring().index(contact.email_key, "client.email")


def index_of(session: Session, client_id: UUID) -> bytes | None:
    """The blind index of a client's e-mail."""
    return session.scalar(select(Client.email_index).where(Client.id == client_id))


def statuses(session: Session, email_index: bytes) -> Mapping[UUID, str]:
    """How the owner of an e-mail stands with each practice that knows it."""
    found = session.execute(
        select(Client.practice_id, Client.status).where(Client.email_index == email_index)
    )
    return {row.practice_id: row.status for row in found}


def find_or_add(session: Session, practice_id: UUID, contact: Contact, now: datetime) -> Client:
    """The practice's client of that e-mail (spec CL-2), added if it has none yet.

    What the practice knows is not overwritten, since anybody can type an e-mail address; only a
    missing phone number is filled in.
    """
    client = Client(
        id=ids.new(),
        practice_id=practice_id,
        email_index=index(contact),
        timezone=contact.timezone,
        status=NEW,
        billing_type="cash",
        created_at=now,
    )
    client.name, client.email, client.phone = contact.name, contact.email, contact.phone
    if session.scalar(_ADD, values(client)) is not None:
        return client
    known = session.scalars(
        select(Client).filter_by(email_index=client.email_index, practice_id=practice_id)
    ).one()
    if contact.phone and not known.phone:
        known.phone = contact.phone
    return known


def get(session: Session, client_id: UUID, viewer: Identity, *, lock: bool = False) -> Client:
    """A client whom the viewer may see (spec CL-3), or NotFound."""
    query = select(Client).where(Client.id == client_id, *_visible_to(viewer))
    found = session.scalars(query.with_for_update() if lock else query).one_or_none()
    if found is None:
        raise NotFound
    return found


def page(session: Session, viewer: Identity, after: Place | None, size: int) -> Sequence[Client]:
    """Clients whom the viewer may see, by creation."""
    query = select(Client).where(*_visible_to(viewer))
    if after:
        query = query.where(tuple_(Client.created_at, Client.id) > (after.at, after.id))
    return session.scalars(query.order_by(Client.created_at, Client.id).limit(size)).all()


def _visible_to(viewer: Identity) -> list[ColumnElement[bool]]:
    if not viewer.practice_id:
        return [false()]
    # Row-level security says so too, but indexes serve only what a query says.
    practice = Client.practice_id == UUID(viewer.practice_id)
    if viewer.sees_whole_practice:
        return [practice]
    if viewer.is_staff and viewer.provider_id:
        theirs = (Booking.client_id == Client.id) & (
            Booking.provider_id == UUID(viewer.provider_id)
        )
        return [practice, exists().where(theirs)]
    if viewer.client_id and not viewer.booking_id:
        return [practice, Client.id == UUID(viewer.client_id)]
    return [false()]
