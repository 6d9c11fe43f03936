"""Entries: written, and read by those who may."""

import json
import re
from collections.abc import Iterable, Sequence
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
    tuple_,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from common import ids
from common.audit.chain import Chain
from common.db.cursor import Place
from common.db.database import EVERY_PRACTICE, SHARED, wake
from common.db.encryption import encrypted
from common.rpc import request_context
from common.rpc.identity import caller_or_none

NO_PRACTICE: Final = UUID(int=0)
"""Of entries that belong to no practice, such as an attempt to sign in to no known account."""

WAITING = "audit"
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
    """One entry. `sequence` counts as entries are written; `position` is the place in the chain,
    which has no gaps, once it is sealed."""

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
        """All that it says, as its mac is made of: the address in clear, so that a new key of
        encryption changes nothing."""
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


def record(
    session: Session,
    action: str,
    /,
    *,
    practice_id: UUID | None = None,
    subject: str = "",
    **things: object,
) -> None:
    """Write an entry, which commits with the transaction:

        audit.record(session, "booking.read", booking=row.id, client=row.client_id)

    The practice is the transaction's and the subject the caller, unless they are given. A thing
    is an id or a list of ids; a list that was shown is one entry that names them all. Anything
    but ids and fixed words is a fault: entries outlive what they tell of. A transaction without
    a practice sees nothing, so that there is nothing to record."""
    if not session.info["practice"]:
        return
    database = session.info["database"]
    who, here = caller_or_none(), request_context.current()
    entry = Entry(
        id=ids.new(),
        practice_id=practice_id or _practice(session),
        at=database.clock.now(),
        subject=subject or (who.subject if who else f"service:{database.service}"),
        action=_checked(_ACTION, action),
        things=_listed(things),
        request=here.request,
        address_sealed=None,
    )
    entry.address = here.address
    entry.mac = Chain(database.service).mac(entry.canonical())
    session.execute(insert(_table), {key: getattr(entry, key) for key in _WRITTEN})
    wake(session, WAITING)


def _practice(session: Session) -> UUID:
    practice = session.info["practice"]
    if practice == EVERY_PRACTICE:
        raise ValueError("say to which practice the entry belongs")
    return UUID(practice)


def _listed(things: dict[str, object]) -> list[str]:
    """`kind:id`, each once."""
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
class Wanted:
    """Which entries: what is None or empty does not restrict."""

    start: datetime | None = None
    end: datetime | None = None
    subject: str = ""
    action: str = ""
    thing: str = ""
    request: str = ""


def page(session: Session, wanted: Wanted, after: Place | None, size: int) -> Sequence[Entry]:
    """Entries of the transaction's practice, newest first."""
    query = select(Entry).where(
        Entry.practice_id == UUID(session.info["practice"]), *_conditions(wanted)
    )
    if after:
        query = query.where(tuple_(Entry.at, Entry.id) < (after.at, after.id))
    return session.scalars(query.order_by(Entry.at.desc(), Entry.id.desc()).limit(size)).all()


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.start:
        conditions.append(Entry.at >= wanted.start)
    if wanted.end:
        conditions.append(Entry.at < wanted.end)
    for column, text in (
        (Entry.subject, wanted.subject),
        (Entry.action, wanted.action),
        (Entry.request, wanted.request),
    ):
        if text:
            conditions.append(column == text)
    if wanted.thing:
        conditions.append(Entry.things.contains([wanted.thing]))
    return conditions
