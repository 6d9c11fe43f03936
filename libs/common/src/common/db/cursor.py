"""Page tokens: the place of the last row shown, so that later inserts move nothing."""

import base64
import binascii
import hashlib
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from common.errors import Invalid

_LAYOUT = struct.Struct(">q16s4s")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class InvalidPageToken(Invalid):
    """This is not the token of a page of this list."""


@dataclass(frozen=True)
class Place:
    """A row's place in an order by instant, then id."""

    at: datetime
    id: UUID

    def token(self, listed: str) -> str:
        """The place in that list (`bookings`) as opaque text."""
        micros = (self.at - _EPOCH) // _MICROSECOND
        packed = _LAYOUT.pack(micros, self.id.bytes, _check(listed, micros, self.id.bytes))
        return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def place(token: str, listed: str) -> Place | None:
    """The place that a token stands for in that list, None for the beginning; raises
    InvalidPageToken, also for the token of another list."""
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
