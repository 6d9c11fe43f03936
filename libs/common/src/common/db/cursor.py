"""Cursors: lists in pages, sorted by any columns."""

import base64
import binascii
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import Select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from common.errors import Invalid

_CHECK = 4  # bytes


class InvalidPageToken(Invalid):
    """Invalid page token."""


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
        return self.token_after(*(getattr(row, column.key) for column in self._columns))

    def token_after(self, *key: Any) -> str:
        """Return the token of the page that follows the row with this sort key."""
        text = json.dumps([_write(part) for part in key])
        return base64.urlsafe_b64encode(self._check(text) + text.encode()).decode().rstrip("=")

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
