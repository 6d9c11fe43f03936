"""Clients: found by email through a blind index, listed by creation."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, select, text
from sqlalchemy.orm import Session

from booking.domain.contacts import Contact
from booking.store.tables import Booking, Client, insertion, values
from common import emails, ids
from common.db import encryption
from common.db.cursor import Keyset, Page
from common.emails import Email
from common.errors import Invalid, NotFound
from common.rpc import access
from common.rpc.identity import Identity

BY_CREATION = Keyset("clients", Client.created_at, Client.id)
_ADD = text(f"{insertion(Client)} ON CONFLICT DO NOTHING RETURNING id")

NEW = "new"
ACTIVE = "active"


INDEX_VERSION = 2
"""The version of the email indexes that are computed now (`Client.email_index_version`)."""


def index(email: Email) -> bytes:
    """Return the blind index of an email."""
    return _index(email.key)


def statuses(session: Session, email: Email) -> Mapping[UUID, str]:
    """Return the status of an email's owner with each practice that knows the email."""
    query = select(Client.practice_id, Client.status, Client.email_index_version).where(
        Client.email_index.in_({index(email), _folded_index(email)})
    )
    found = session.execute(query).all()
    if any(row.email_index_version != INDEX_VERSION for row in found):
        _renew_indexes(session, email)
        found = session.execute(query.where(Client.email_index == index(email))).all()
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

    An existing client's record stays unchanged, since anybody can type an email address.
    """
    if index(contact.email) != _folded_index(contact.email):
        _renew_indexes(session, contact.email)
    client = Client(
        id=ids.new(),
        practice_id=practice_id,
        email_index=index(contact.email),
        email_index_version=INDEX_VERSION,
        timezone=contact.timezone,
        status=NEW,
        billing_type="cash",
        created_at=now,
    )
    client.name, client.email, client.phone = contact.name, contact.email.text, contact.phone
    if session.scalar(_ADD, values(client)) is not None:
        return client
    # The lock keeps retention from emptying the record before the booking commits.
    known = session.scalars(
        select(Client)
        .filter_by(email_index=client.email_index, practice_id=practice_id)
        .with_for_update(read=True, key_share=True)
    ).one_or_none()
    if known and known.email_index_version == INDEX_VERSION:
        return known
    if known:
        _renew_indexes(session, contact.email)  # it may be another person's
    return find_or_add(session, practice_id, contact, now)


def renew_indexes(session: Session, limit: int) -> int:
    """Recompute up to `limit` email indexes that are not of INDEX_VERSION; return how many.

    Rows that another transaction has locked are left for the next call.
    """
    query = select(Client).where(Client.email_index_version == 1).order_by(Client.id).limit(limit)
    rows = session.scalars(query.with_for_update(skip_locked=True)).all()
    for client in rows:
        _renew_index(client)
    session.flush()
    return len(rows)


def count_old_indexes(session: Session) -> int:
    """Return how many email indexes are not of INDEX_VERSION."""
    query = select(func.count()).select_from(Client).where(Client.email_index_version == 1)
    return session.scalar(query) or 0


def _renew_indexes(session: Session, email: Email) -> None:
    """Renew the indexes of the clients who are kept under this email's index of version 1."""
    query = select(Client).where(
        Client.email_index == _folded_index(email), Client.email_index_version == 1
    )
    for client in session.scalars(query.with_for_update()):
        _renew_index(client)
    session.flush()


def _renew_index(client: Client) -> None:
    try:
        key = emails.parse(client.email, "client.email").key
    except Invalid:  # accepted by an early release, though mail cannot reach it
        key = client.email.lower()
    client.email_index, client.email_index_version = _index(key), INDEX_VERSION


def _index(key: str) -> bytes:
    return encryption.ring().index(key, "client.email")


def _folded_index(email: Email) -> bytes:
    """Return an email's index of version 1: of the folded address, in which `ß` is `ss`."""
    return _index(email.normalized.casefold())


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


def lock(session: Session, client: Client) -> None:
    """Lock a client's row for a change of status, and read the status again."""
    session.refresh(client, ["status"], with_for_update={"key_share": True})


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
