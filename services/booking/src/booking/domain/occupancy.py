"""The time that bookings and holds take of a provider and of a physical room (spec BK-2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from common.errors import Conflict

BOOKING = "booking"
HOLD = "hold"


class SlotTaken(Conflict):
    """This time is no longer available.

    Details: the `revision` that shows it.
    """


class BlockedByExpiredHolds(Exception):
    """Raised when only expired holds block the time. Release `holds`, then try again."""

    def __init__(self, holds: Sequence[UUID]) -> None:
        super().__init__()
        self.holds = holds


@dataclass(frozen=True)
class Resource:
    """A provider or a physical room, which one session at a time can use."""

    number: int
    id: UUID


@dataclass(frozen=True)
class TakenTime:
    """The time `[start, end)`, buffers included, that one booking or hold takes of resources."""

    ref: UUID
    """The id of the booking or hold."""
    practice_id: UUID
    kind: str
    resources: tuple[Resource, ...]
    """The provider first."""
    start: datetime
    end: datetime
    session_start: datetime
    session_end: datetime
    expires_at: datetime | None = None


@dataclass(frozen=True)
class OccupancyChange:
    """What one transaction took and released of one resource, and the resulting revision."""

    practice_id: UUID
    resource: Resource
    revision: int
    taken: TakenTime | None
    released: tuple[UUID, ...]


def revision_of(changes: Sequence[OccupancyChange], resource_id: UUID) -> int:
    """Return the new revision of a resource; 0 if it did not change."""
    return next((c.revision for c in changes if c.resource.id == resource_id), 0)
