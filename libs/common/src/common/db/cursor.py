"""Cursors: lists in pages, sorted by any columns."""

import base64
import binascii
import hashlib
import json
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import Select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from common.errors import Invalid

_LAYOUT = struct.Struct(">q16s4s")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_CHECK = 4  # bytes


class InvalidPageToken(Invalid):
    """This is not the token of a page of this list."""


@dataclass(frozen=True)
class Place:
    """A row's position in an order by instant, then id. Superseded by Keyset."""

    at: datetime
    id: UUID

    def token(self, listed: str) -> str:
        """Return the position as a page token of the list `listed`."""
        micros = (self.at - _EPOCH) // _MICROSECOND
        packed = _LAYOUT.pack(micros, self.id.bytes, _check(listed, micros, self.id.bytes))
        return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def place(token: str, listed: str) -> Place | None:
    """Return the position that a token of the list `listed` stands for; None for an empty token.

    Raises InvalidPageToken, also for the token of another list. Superseded by Keyset.
    """
    if not token:
        return None
    try:
        packed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        micros, row, check = _LAYOUT.unpack(packed)
        if check != _check(listed, micros, row):
            raise InvalidPageToken(field="page_token")
        return Place(_EPOCH + timedelta(microseconds=micros), UUID(bytes=row))
    except (binascii.Error, struct.error, ValueError, OverflowError):
        raise InvalidPageToken(field="page_token") from None


def _check(listed: str, micros: int, row: bytes) -> bytes:
    return hashlib.sha256(f"{listed} {micros} {row.hex()}".encode()).digest()[:4]


Row = TypeVar("Row")


@dataclass(frozen=True)
class Page(Generic[Row]):
    """One page of a list; `next_token` is empty on the last page."""

    rows: Sequence[Row]
    next_token: str


class Keyset:
    """The sort order of one list: its name and its sort columns, the last of which is unique.

    A page token holds the sort key of the last row shown, so that rows inserted later do not shift
    the pages. Columns may be instants, ids, texts, and whole numbers.
    """

    def __init__(
        self, name: str, *columns: InstrumentedAttribute[Any], descending: bool = False
    ) -> None:
        self._name = name
        self._columns = columns
        self._descending = descending

    def page(self, session: Session, query: Select[Row], token: str, size: int) -> Page[Row]:
        """Return the page of at most `size` rows of `query` that `token` stands for.

        An empty token means the first page. Raises InvalidPageToken, also for the token of another
        list.
        """
        if token:
            key = tuple_(*self._columns)
            after = tuple_(*self._read(token))
            query = query.where(key < after if self._descending else key > after)
        order = [column.desc() if self._descending else column for column in self._columns]
        rows = session.scalars(query.order_by(*order).limit(size + 1)).all()
        if len(rows) <= size:
            return Page(rows, "")
        return Page(rows[:size], self.token(rows[size - 1]))

    def token(self, row: Any) -> str:
        """Return the token of the page that follows `row`."""
        key = json.dumps([_write(getattr(row, column.key)) for column in self._columns])
        return base64.urlsafe_b64encode(self._check(key) + key.encode()).decode().rstrip("=")

    def _read(self, token: str) -> list[Any]:
        try:
            packed = base64.b64decode(
                token + "=" * (-len(token) % 4), altchars=b"-_", validate=True
            )
            key = packed[_CHECK:].decode()
            if packed[:_CHECK] != self._check(key):
                raise InvalidPageToken(field="page_token")
            values = json.loads(key)
            return [_parse(column.type.python_type, text) for column, text in self._pairs(values)]
        except (binascii.Error, ValueError, TypeError):
            raise InvalidPageToken(field="page_token") from None

    def _pairs(self, values: list[Any]) -> Iterator[tuple[InstrumentedAttribute[Any], Any]]:
        return zip(self._columns, values, strict=True)

    def _check(self, key: str) -> bytes:
        return hashlib.sha256(f"{self._name} {key}".encode()).digest()[:_CHECK]


def _write(value: object) -> object:
    return value if isinstance(value, str | int) else str(value)


def _parse(kind: type, text: Any) -> Any:
    return datetime.fromisoformat(text) if kind is datetime else kind(text)
