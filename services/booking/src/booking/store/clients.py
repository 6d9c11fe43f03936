"""Clients: found by email through a blind index, listed by creation."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, exists, select, text
from sqlalchemy.orm import Session

from booking.domain.contacts import Contact
from booking.store.tables import Booking, Client, insertion, values
from common import ids
from common.db import encryption
from common.db.cursor import Keyset, Page
from common.errors import NotFound
from common.rpc import access
from common.rpc.identity import Identity

BY_CREATION = Keyset("clients", Client.created_at, Client.id)
_ADD = text(f"{insertion(Client)} ON CONFLICT DO NOTHING RETURNING id")

NEW = "new"
ACTIVE = "active"


def index(contact: Contact) -> bytes:
    """Return the blind index of a contact's email."""
    return encryption.ring().index(contact.email_key, "client.email")


def statuses(session: Session, email_index: bytes) -> Mapping[UUID, str]:
    """Return the status of an email's owner with each practice that knows the email."""
    found = session.execute(
        select(Client.practice_id, Client.status).where(Client.email_index == email_index)
    )
    return {row.practice_id: row.status for row in found}


def statuses_of(session: Session, practice_id: UUID, client_id: UUID) -> Mapping[UUID, str]:
    """Return the status of a practice's client with each practice that knows their email."""
    email = select(Client.email_index).where(
        Client.id == client_id, Client.practice_id == practice_id
    )
    found = session.execute(
        select(Client.practice_id, Client.status).where(
            Client.email_index == email.scalar_subquery()
        )
    )
    return {row.practice_id: row.status for row in found}


def find_or_add(session: Session, practice_id: UUID, contact: Contact, now: datetime) -> Client:
    """Return the practice's client with this email (spec CL-2), added if there is none.

    What the practice knows is not overwritten, since anybody can type an email address; only a
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


def get(
    session: Session, client_id: UUID, viewer: Identity, permission: str, *, lock: bool = False
) -> Client:
    """Return a client within the viewer's reach (spec CL-3), locked on demand.

    Raises NotFound.
    """
    query = select(Client).where(Client.id == client_id, *_reach(viewer, permission))
    found = session.scalars(query.with_for_update() if lock else query).one_or_none()
    if found is None:
        raise NotFound
    return found


def page(session: Session, viewer: Identity, token: str, size: int) -> Page[Client]:
    """Return a page of the clients within the viewer's reach, by creation."""
    query = select(Client).where(*_reach(viewer, "clients:list"))
    return BY_CREATION.page(session, query, token, size)


def _reach(viewer: Identity, permission: str) -> list[ColumnElement[bool]]:
    return access.rows(
        permission,
        viewer,
        practice=Client.practice_id,
        provider=_has_booking_with,
        client=Client.id,
    )


def _has_booking_with(provider_id: UUID) -> ColumnElement[bool]:
    return exists().where(Booking.client_id == Client.id, Booking.provider_id == provider_id)
