"""Which bookings have a room, and when its links work."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self
from uuid import UUID

_STANDING = frozenset({"confirmed", "in_progress"})


class Side(StrEnum):
    """Whom a link lets in."""

    PROVIDER = "provider"
    CLIENT = "client"


BOTH = frozenset(Side)
NONE: frozenset[Side] = frozenset()


@dataclass(frozen=True)
class Appointment:
    """One version of a booking, as far as its room depends on it."""

    booking_id: UUID
    practice_id: UUID
    provider_id: UUID
    client_id: UUID
    start_at: datetime
    end_at: datetime
    mode: str
    status: str
    version: int

    @property
    def has_room(self) -> bool:
        """Whether the booking stands and takes place by video (spec RM-1)."""
        return self.mode == "telehealth" and self.status in _STANDING


@dataclass(frozen=True)
class Leeway:
    """How long before the planned start and after the planned end links work (spec RM-2)."""

    before: timedelta = timedelta(minutes=15)
    after: timedelta = timedelta(minutes=60)


@dataclass(frozen=True)
class Window:
    """When the links of a room work: `[open_at, close_at)`."""

    open_at: datetime
    close_at: datetime

    @classmethod
    def around(cls, start_at: datetime, end_at: datetime, leeway: Leeway) -> Self:
        """Return the window of a session planned for `[start_at, end_at)`."""
        return cls(start_at - leeway.before, end_at + leeway.after)

    def is_open(self, now: datetime) -> bool:
        return self.open_at <= now < self.close_at

    def is_over(self, now: datetime) -> bool:
        return now >= self.close_at
