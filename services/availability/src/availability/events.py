"""The projection of taken time, persisted for cold reads."""

from uuid import UUID

from sqlalchemy.orm import Session

from attune.booking.v1.events_pb2 import TakenTimeChanged
from availability.store import taken
from common.clock import Clock
from common.events import Handlers, TooEarly


def handlers(clock: Clock) -> Handlers:
    """What availability does when booking's taken time changes."""
    registry = Handlers()

    @registry.on(TakenTimeChanged)
    def project(event: TakenTimeChanged, session: Session) -> None:
        """Revisions come without gaps: an older one is known, a later one waits."""
        reached = taken.lock(session, UUID(event.practice_id), event.resource_number)
        if event.revision > reached + 1:
            raise TooEarly
        if event.revision == reached + 1:
            taken.apply(session, event, clock.now())

    return registry
