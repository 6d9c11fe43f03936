"""The projection of taken time, persisted for cold reads."""

from uuid import UUID

from attune.booking.v1.events_pb2 import TakenTimeChanged
from availability.store import taken
from common.messaging.consumer import EventContext, Handlers

handlers = Handlers()


@handlers.on(TakenTimeChanged)
def project(event: TakenTimeChanged, context: EventContext) -> None:
    """Apply a change to the projection.

    Revisions come without gaps: an older one is known, and where one was missed, or is still on
    its way, everything is fetched from booking.
    """
    session, number = context.session, event.resource_number
    practice_id = UUID(event.practice_id)
    if event.revision > taken.reached(session, number) + 1:
        taken.fetch(session, practice_id, number, context.now)
    elif event.revision > taken.lock(session, practice_id, number):
        taken.apply(session, event, context.now)
