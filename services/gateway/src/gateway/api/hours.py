"""Weekly hours and overrides of a provider."""

from collections.abc import Iterable
from uuid import UUID

from attune.availability.v1 import availability_pb2 as pb
from attune.common.v1 import types_pb2 as types
from gateway import words
from gateway.backends import hours as backend
from gateway.openapi.operation import Access, Operations, Tag, request_id
from gateway.schemas import hours as schemas

hours = Operations(
    "hours", Tag("Hours", "When a provider can be booked: weekly hours and date overrides.")
)


@hours.operation(
    "GET",
    "/providers/<username>/hours",
    schemas.Hours,
    access=Access.STAFF,
    cached=True,
    errors=(404,),
)
def get_hours(username: str) -> schemas.Hours:
    """Get weekly hours

    Send the `version` of the response when you replace the hours.
    """
    week = backend.week(username)
    return schemas.Hours(version=week.version, blocks=_weekly_blocks(week.blocks))


@hours.operation(
    "PUT",
    "/providers/<username>/hours",
    schemas.SavedHours,
    access=Access.STAFF,
    body=schemas.NewHours,
    errors=(404, 409, 422),
)
def replace_hours(username: str, body: schemas.NewHours) -> schemas.SavedHours:
    """Replace weekly hours

    Replaces the whole week. If someone else changed the hours since `version`, the response is
    `409`. Existing bookings stay; the response lists those that are now outside the hours.
    """
    blocks = [_to_message(block, block.day) for block in body.blocks]
    saved = backend.replace_week(username, blocks, version=body.version)
    return schemas.SavedHours(
        version=saved.hours.version,
        blocks=_weekly_blocks(saved.hours.blocks),
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
    """List date overrides

    Returns the dates whose hours differ from the weekly hours.
    """
    return schemas.Overrides(
        overrides=[
            schemas.Override(id=one.override_id, date=one.date, blocks=_blocks(one.blocks))
            for one in backend.overrides(username, query.from_)
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
    """Override a date

    Sets different hours for one date, or closes it. A second override of the same date replaces the
    first.
    """
    blocks = [_to_message(block) for block in body.blocks]
    saved = backend.create_override(username, body.date, blocks, request_id=request_id())
    return schemas.SavedOverride(
        id=saved.override.override_id,
        date=saved.override.date,
        blocks=_blocks(saved.override.blocks),
        revision=saved.revision,
        bookings_outside=list(saved.booking_ids_outside),
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
    """Delete a date override

    The weekly hours apply to the date again.
    """
    backend.delete_override(username, str(override_id))


def _to_message(block: schemas.NewBlock, day: int = 0) -> pb.WeeklyBlock:
    return pb.WeeklyBlock(
        day=day,
        start=block.start,
        end=block.end,
        online=block.online,
        modes=[words.value(types.Mode, mode) for mode in block.modes],
        room_id=block.place or "",
    )


def _weekly_blocks(blocks: Iterable[pb.WeeklyBlock]) -> list[schemas.WeeklyBlock]:
    return [schemas.WeeklyBlock(day=block.day, **_block(block).model_dump()) for block in blocks]


def _blocks(blocks: Iterable[pb.WeeklyBlock]) -> list[schemas.Block]:
    return [_block(block) for block in blocks]


def _block(block: pb.WeeklyBlock) -> schemas.Block:
    return schemas.Block(
        start=block.start,
        end=block.end,
        online=block.online if block.HasField("online") else True,
        modes=[words.word(types.Mode, mode) for mode in block.modes],
        place=block.room_id or None,
    )
