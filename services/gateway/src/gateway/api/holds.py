"""Holds: a slot set aside while a form is filled in."""

from datetime import UTC
from uuid import UUID

from attune.common.v1 import types_pb2 as types
from common import proto
from common.errors import DomainError
from gateway import times, words
from gateway.api import slot_failures, tags
from gateway.backends import holds as backend
from gateway.backends.slots import Query
from gateway.identity import visitors
from gateway.openapi.operation import Operations, request_id
from gateway.schemas import holds as schemas
from gateway.schemas.slots import SlotTakenProblem

holds = Operations("holds", tags.BOOKINGS)


@holds.operation(
    "POST",
    "/providers/<username>/holds",
    schemas.Hold,
    status=201,
    body=schemas.NewHold,
    errors=(404, 409, 422),
    conflict=SlotTakenProblem,
    idempotent=True,
    headers=(visitors.HEADER,),
)
def create_hold(username: str, body: schemas.NewHold) -> schemas.Hold:
    """Hold a slot

    Reserves a slot while your user fills in a form. The hold expires on its own. Browsers are
    identified by a cookie, other programs by `X-Visitor-Id`. A new hold releases the visitor's
    earlier hold with the same provider.
    """
    query = Query(username, body.service, words.value(types.Mode, body.mode))
    key = request_id()
    visitor_id, tz = visitors.visitor_id(key), body.start.tzinfo or UTC
    try:
        hold = backend.create(query, body.start, visitor_id=visitor_id, request_id=key)
    except DomainError as error:
        raise slot_failures.with_alternatives(error, query, body.start, tz) from None
    return schemas.Hold(
        hold=hold.hold_id,
        expires_at=times.text(proto.instant(hold.expire_time), tz),
        start=times.text(proto.instant(hold.start_time), tz),
        end=times.text(proto.instant(hold.end_time), tz),
        revision=hold.revision,
    )


@holds.operation(
    "DELETE",
    "/providers/<username>/holds/<uuid:hold_id>",
    None,
    status=204,
    errors=(404,),
    headers=(visitors.HEADER,),
)
def release_hold(username: str, hold_id: UUID) -> None:
    """Release a hold

    Frees the slot before the hold expires. If the hold no longer exists, the response is the same.
    """
    backend.release(str(hold_id), visitor_id=visitors.visitor_id())
