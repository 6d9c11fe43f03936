"""Handlers for events from other services."""

from uuid import UUID

from attune.booking.v1.events_pb2 import TakenTimeChanged
from availability.store import taken
from common.messaging.consumer import EventContext, Handlers

handlers = Handlers()


@handlers.on(TakenTimeChanged)
def project(event: TakenTimeChanged, context: EventContext) -> None:
    """Apply a change of taken time to the projection.

    Revisions have no gaps: an older one was applied before. If one is missing, or still on its
    way, a fetch of the whole resource from booking is planned.
    """
    session, number = context.session, event.resource_number
    practice_id = UUID(event.practice_id)
    if event.revision > taken.reached(session, number) + 1:
        taken.fetch(session, practice_id, number, context.now)
    elif event.revision > taken.lock(session, practice_id, number):
        taken.apply(session, event, context.now)
