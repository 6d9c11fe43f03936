"""When a provider can be booked: the week, and dates that differ from it."""

from collections.abc import Iterable
from uuid import UUID

from attune.availability.v1 import availability_pb2 as messages
from attune.availability.v1 import hours_service_pb2 as rpc
from gateway import names
from gateway.api.operation import Access, Operations, request_id
from gateway.backends import backends
from gateway.schemas import setup as schemas

hours = Operations("hours", "When a provider can be booked: the week, and dates that differ.")


@hours.operation(
    "GET",
    "/providers/<username>/hours",
    schemas.Hours,
    access=Access.STAFF,
    cached=True,
    errors=(404,),
)
def get_hours(username: str) -> schemas.Hours:
    """A provider's week"""
    request = rpc.GetWeeklyHoursRequest(username=username)
    found = backends().hours.GetWeeklyHours(request).hours
    return schemas.Hours(version=found.version, blocks=_week(found.blocks))


@hours.operation(
    "PUT",
    "/providers/<username>/hours",
    schemas.SavedHours,
    access=Access.STAFF,
    body=schemas.NewHours,
    errors=(404, 409, 422),
)
def replace_hours(username: str, body: schemas.NewHours) -> schemas.SavedHours:
    """Replace a provider's whole week

    Based on a version; an older one is refused. Existing bookings stay as they are; the answer
    names those that now lie outside the hours.
    """
    blocks = [_to_message(block, block.day) for block in body.blocks]
    saved = backends().hours.ReplaceWeeklyHours(
        rpc.ReplaceWeeklyHoursRequest(
            username=username,
            hours=messages.WeeklyHours(blocks=blocks, version=body.version),
        )
    )
    return schemas.SavedHours(
        version=saved.hours.version,
        blocks=_week(saved.hours.blocks),
        revision=saved.revision,
        bookings_outside=list(saved.booking_ids_outside),
    )


@hours.operation(
    "GET",
    "/providers/<username>/overrides",
    schemas.Overrides,
    access=Access.STAFF,
    query=schemas.OverridesQuery,
    cached=True,
    errors=(404,),
)
def list_overrides(username: str, query: schemas.OverridesQuery) -> schemas.Overrides:
    """Dates whose hours differ from the week"""
    found = backends().hours.ListOverrides(
        rpc.ListOverridesRequest(
            username=username, from_date=query.from_.isoformat() if query.from_ else ""
        )
    )
    return schemas.Overrides(
        overrides=[
            schemas.Override(id=one.override_id, date=one.date, blocks=_blocks(one.blocks))
            for one in found.overrides
        ]
    )


@hours.operation(
    "POST",
    "/providers/<username>/overrides",
    schemas.SavedOverride,
    status=201,
    access=Access.STAFF,
    body=schemas.NewOverride,
    errors=(404, 409, 422),
    idempotent=True,
)
def create_override(username: str, body: schemas.NewOverride) -> schemas.SavedOverride:
    """Give one date other hours, or none

    A second override of a date replaces the first.
    """
    made = backends().hours.CreateOverride(
        rpc.CreateOverrideRequest(
            request_id=request_id(),
            username=username,
            override=messages.Override(
                date=body.date.isoformat(), blocks=[_to_message(block) for block in body.blocks]
            ),
        )
    )
    return schemas.SavedOverride(
        id=made.override.override_id,
        date=made.override.date,
        blocks=_blocks(made.override.blocks),
        revision=made.revision,
        bookings_outside=list(made.booking_ids_outside),
    )


@hours.operation(
    "DELETE",
    "/providers/<username>/overrides/<uuid:override_id>",
    None,
    status=204,
    access=Access.STAFF,
    errors=(404,),
)
def delete_override(username: str, override_id: UUID) -> None:
    """Go back to the week's hours on a date"""
    backends().hours.DeleteOverride(
        rpc.DeleteOverrideRequest(username=username, override_id=str(override_id))
    )


def _to_message(block: schemas.NewBlock, day: int = 0) -> messages.WeeklyBlock:
    return messages.WeeklyBlock(
        day=day,
        start=block.start,
        end=block.end,
        online=block.online,
        modes=[names.MODES.number(mode) for mode in block.modes],
        room_id=block.place or "",
    )


def _week(blocks: Iterable[messages.WeeklyBlock]) -> list[schemas.WeeklyBlock]:
    return [schemas.WeeklyBlock(day=block.day, **_block(block).model_dump()) for block in blocks]


def _blocks(blocks: Iterable[messages.WeeklyBlock]) -> list[schemas.Block]:
    return [_block(block) for block in blocks]


def _block(block: messages.WeeklyBlock) -> schemas.Block:
    return schemas.Block(
        start=block.start,
        end=block.end,
        online=block.online if block.HasField("online") else True,
        modes=[names.MODES.word(mode) for mode in block.modes],
        place=block.room_id or None,
    )
