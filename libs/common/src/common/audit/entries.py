"""Audit entries: their table, writing one, and listing a practice's entries."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    DateTime,
    Identity,
    LargeBinary,
    Table,
    Text,
    insert,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from common import ids
from common.audit.chain import Chain
from common.db.cursor import Keyset, Page
from common.db.database import EVERY_PRACTICE, SHARED, wake
from common.db.encryption import encrypted
from common.rpc import request_context
from common.rpc.identity import caller_or_none

NO_PRACTICE: Final = UUID(int=0)
"""The practice of entries that belong to none, such as a sign-in attempt to an unknown account."""

WAITING = "audit"
"""What wakes the sealer (`Database.wakes`)."""
_ACTION = re.compile(r"[a-z_]+\.[a-z_]+")
_ID = re.compile(r"[0-9a-z_.-]{1,64}")
_AFTERWARDS = frozenset({"sequence", "position", "hash"})  # not known when an entry is written


class Base(DeclarativeBase):
    metadata = SHARED
    type_annotation_map = {  # noqa: RUF012  # read by SQLAlchemy
        datetime: DateTime(timezone=True),
        str: Text(),
        bytes: LargeBinary(),
        list[str]: ARRAY(Text()),
    }


class Entry(Base):
    """One row of the audit trail.

    `sequence` grows with each entry and may have gaps. `position` is the entry's position in the
    chain, without gaps, and None until the entry is sealed.
    """

    __tablename__ = "audit"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    sequence: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    practice_id: Mapped[UUID]
    at: Mapped[datetime]
    subject: Mapped[str]
    action: Mapped[str]
    things: Mapped[list[str]]
    request: Mapped[str]
    address_sealed: Mapped[bytes | None]
    mac: Mapped[bytes]
    position: Mapped[int | None] = mapped_column(BigInteger)
    hash: Mapped[bytes | None]

    address = encrypted()

    def canonical(self) -> bytes:
        """Return the content that the MAC covers.

        It contains the address in clear, so that a new encryption key does not change the MAC.
        """
        return json.dumps(
            [
                str(self.id),
                str(self.practice_id),
                self.at.astimezone(UTC).isoformat(),
                self.subject,
                self.action,
                self.things,
                self.request,
                self.address,
            ]
        ).encode()


_table: Table = Entry.__table__  # type: ignore[assignment]  # a mapped class has a Table
_WRITTEN = [column.key for column in _table.columns if column.key not in _AFTERWARDS]
NEWEST_FIRST = Keyset("audit", Entry.at, Entry.id, descending=True)
"""The sort order of all lists of entries, including the gateway's list of all services."""


def record(
    session: Session,
    action: str,
    /,
    *,
    practice_id: UUID | None = None,
    subject: str = "",
    **things: object,
) -> None:
    """Write an audit entry, which commits with the transaction.

        audit.record(session, "booking.read", booking=row.id, client=row.client_id)

    The practice defaults to the transaction's, and the subject to the caller. A thing is an id or
    a list of ids; showing a list is one entry that names all its rows. Raises ValueError for any
    text but ids and fixed words, since entries outlive the data that they mention. A transaction
    without a practice sees no rows, so there is nothing to record.
    """
    if not session.info["practice"]:
        return
    database = session.info["database"]
    caller, context = caller_or_none(), request_context.current()
    entry = Entry(
        id=ids.new(),
        practice_id=practice_id or _practice(session),
        at=database.clock.now(),
        subject=subject or (caller.subject if caller else f"service:{database.service}"),
        action=_checked(_ACTION, action),
        things=_listed(things),
        request=context.request,
        address_sealed=None,
    )
    entry.address = context.address
    entry.mac = Chain(database.service).mac(entry.canonical())
    session.execute(insert(_table), {key: getattr(entry, key) for key in _WRITTEN})
    wake(session, WAITING)


def _practice(session: Session) -> UUID:
    practice = session.info["practice"]
    if practice == EVERY_PRACTICE:
        raise ValueError("say to which practice the entry belongs")
    return UUID(practice)


def _listed(things: dict[str, object]) -> list[str]:
    """Return each thing once, as `kind:id`."""
    listed: dict[str, None] = {}
    for kind, given in things.items():
        several = isinstance(given, Iterable) and not isinstance(given, str)
        for one in given if several else (given,):  # type: ignore[attr-defined]  # is iterable
            listed[f"{kind}:{_checked(_ID, str(one))}"] = None
    return list(listed)


def _checked(form: re.Pattern[str], text: str) -> str:
    if not form.fullmatch(text):
        raise ValueError("an entry of the audit is made of ids and fixed words")
    return text


@dataclass(frozen=True)
class Filter:
    """The entries to list; a field that is None or empty does not restrict the list."""

    start: datetime | None = None
    end: datetime | None = None
    subject: str = ""
    action: str = ""
    thing: str = ""
    request: str = ""


def page(session: Session, filter_by: Filter, token: str, size: int) -> Page[Entry]:
    """Return a page of the entries of the transaction's practice, newest first.

    Raises InvalidPageToken.
    """
    practice = Entry.practice_id == UUID(session.info["practice"])
    query = select(Entry).where(practice, *_conditions(filter_by))
    return NEWEST_FIRST.page(session, query, token, size)


def _conditions(filter_by: Filter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if filter_by.start:
        conditions.append(Entry.at >= filter_by.start)
    if filter_by.end:
        conditions.append(Entry.at < filter_by.end)
    for column, text in (
        (Entry.subject, filter_by.subject),
        (Entry.action, filter_by.action),
        (Entry.request, filter_by.request),
    ):
        if text:
            conditions.append(column == text)
    if filter_by.thing:
        conditions.append(Entry.things.contains([filter_by.thing]))
    return conditions
