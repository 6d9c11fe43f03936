"""Page tokens: the place of the last row shown, so that later inserts move nothing."""

import base64
import binascii
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from common.errors import Invalid

_LAYOUT = struct.Struct(">q16s")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Place:
    """A row's place in an order by instant, then id."""

    at: datetime
    id: UUID

    def token(self) -> str:
        """The place as opaque text."""
        packed = _LAYOUT.pack((self.at - _EPOCH) // _MICROSECOND, self.id.bytes)
        return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def place(token: str) -> Place | None:
    """The place that a token stands for, None for the beginning; raises Invalid."""
    if not token:
        return None
    try:
        packed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        micros, row = _LAYOUT.unpack(packed)
        return Place(_EPOCH + timedelta(microseconds=micros), UUID(bytes=row))
    except (binascii.Error, struct.error, ValueError, OverflowError):
        raise Invalid(
            "This is not the token of a page", field="page_token", reason="INVALID_PAGE_TOKEN"
        ) from None
