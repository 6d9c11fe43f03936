"""What a booking or a hold takes of the time of a provider and of a room (spec BK-2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from common.errors import Conflict

BOOKING = "booking"
HOLD = "hold"


class SlotTaken(Conflict):
    """Somebody else has taken this time.

    Details: the `revision` that shows it.
    """


class Lapsed(Exception):
    """Nothing is in the way but holds that have lapsed, if they still are: let go of these, then
    try again."""

    def __init__(self, holds: Sequence[UUID]) -> None:
        super().__init__()
        self.holds = holds


@dataclass(frozen=True)
class Resource:
    """Something that one session at a time can use, and its number."""

    number: int
    id: UUID


@dataclass(frozen=True)
class Taking:
    """One session's claim on all of its resources: `[start, end)` with the buffers."""

    ref: UUID
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
class Change:
    """What a transaction changed of one resource, and the revision that this made."""

    practice_id: UUID
    resource: Resource
    revision: int
    taken: Taking | None
    released: tuple[UUID, ...]


def minutes(number: int) -> timedelta:
    """So many minutes of real time."""
    return timedelta(minutes=number)


def revision_of(changes: Sequence[Change], resource_id: UUID) -> int:
    """The revision of one of the resources; 0 if it did not change."""
    return next((c.revision for c in changes if c.resource.id == resource_id), 0)
