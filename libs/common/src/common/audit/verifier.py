"""Verification of a chain: recompute every entry's MAC and hash, from the first to the last."""

import hmac
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, true
from sqlalchemy.orm import Session

from common.audit.chain import BEGINNING, Chain, Head
from common.audit.entries import Entry
from common.audit.sealer import heads, is_genuine
from common.db.encryption import UndecipherableError

_AT_ONCE = 1000

CHANGED = "was changed, or was not written by the service"
MISSING = "is missing"
MISPLACED = "does not follow the one before it: something was removed, moved or put in between"
BEHIND = "stands behind the end of the chain"
NO_END = "the chain's end was changed or removed"
NO_BEGINNING = "the chain's beginning was not sealed, or was changed"
NOT_SEEN = "is not the one that was seen there"
UNSEALED = "was sealed before: its position was removed"
UNREADABLE = "cannot be read"


@dataclass(frozen=True)
class Report:
    """The result of a verification.

    `head` follows the last entry that is in order, `waiting` counts the entries that are not
    sealed yet, and `fault` describes the first fault, if there is one.
    """

    head: Head
    waiting: int = 0
    fault: str = ""

    @property
    def entries(self) -> int:
        return self.head.position


class _Broken(Exception):
    """The chain has a fault, which the text describes."""


def verify(session: Session, chain: Chain, seen: Head | None = None) -> Report:
    """Verify that all entries are as they were written and that the chain contains the head `seen`.

    Reads one snapshot, in a transaction of every practice.
    """
    query = (
        select(heads, Entry)
        .outerjoin(Entry, true())
        .order_by(Entry.position.nulls_last(), Entry.sequence)
    )
    head, waiting = BEGINNING, 0
    row: Any = None
    with session.execute(query, execution_options={"yield_per": _AT_ONCE}) as rows:
        try:
            for row in rows:
                if row.Entry is None:
                    break
                if row.Entry.position is None:
                    name = f"entry {row.Entry.id}, which waits to be sealed,"
                    _check_content(chain, row.Entry, name)
                    if row.Entry.hash is not None:
                        raise _Broken(f"{name} {UNSEALED}")
                    waiting += 1
                else:
                    head = _follow(chain, head, row.Entry, seen)
            _check_end(chain, head, row, seen)
        except _Broken as broken:
            return Report(head, waiting, str(broken))
    return Report(head, waiting)


def _follow(chain: Chain, before: Head, entry: Entry, seen: Head | None) -> Head:
    """Return the head after `entry`. Raises _Broken if the entry does not follow `before`."""
    expected = before.position + 1
    if entry.position != expected:
        raise _Broken(f"entry {expected} {MISSING}")
    _check_content(chain, entry, f"entry {expected}")
    head = chain.link(before, entry.sequence, entry.mac)
    if not hmac.compare_digest(head.hash, entry.hash or b""):
        raise _Broken(f"entry {expected} {MISPLACED}")
    if seen and seen.position == expected and seen != head:
        raise _Broken(f"entry {expected} {NOT_SEEN}")
    return head


def _check_content(chain: Chain, entry: Entry, name: str) -> None:
    try:
        mac = chain.mac(entry.canonical())
    except UndecipherableError as error:
        raise _Broken(f"{name} {UNREADABLE}: {error}") from None
    if not hmac.compare_digest(mac, entry.mac):
        raise _Broken(f"{name} {CHANGED}")


def _check_end(chain: Chain, head: Head, row: Any, seen: Head | None) -> None:
    if row is None:
        raise _Broken(NO_END)
    end = Head(row.position, bytes(row.hash))
    if end.position > head.position or (seen and seen.position > head.position):
        raise _Broken(f"entry {head.position + 1} {MISSING}")
    if end.position < head.position:
        raise _Broken(f"entry {end.position + 1} {BEHIND}")
    if end == BEGINNING and not is_genuine(chain, end, bytes(row.mac)):
        raise _Broken(NO_BEGINNING)
    if end != head or not is_genuine(chain, end, bytes(row.mac)):
        raise _Broken(NO_END)
