"""The projection of taken time, persisted for cold reads."""

from uuid import UUID

from sqlalchemy.orm import Session

from attune.booking.v1.events_pb2 import TakenTimeChanged
from availability.store import taken
from common.clock import Clock
from common.messaging.consumer import Handlers


def handlers(clock: Clock) -> Handlers:
    """What availability does when booking's taken time changes."""
    registry = Handlers()

    @registry.on(TakenTimeChanged)
    def project(event: TakenTimeChanged, session: Session) -> None:
        """Revisions come without gaps: an older one is known, and where one was missed, or is
        still on its way, everything is fetched from booking."""
        practice_id, number = UUID(event.practice_id), event.resource_number
        if event.revision > taken.reached(session, number) + 1:
            taken.fetch(session, practice_id, number, clock.now())
        elif event.revision > taken.lock(session, practice_id, number):
            taken.apply(session, event, clock.now())

    return registry
