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
    "hours", Tag("Hours", "When a provider can be booked: the week, and dates that differ.")
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
    """A provider's week"""
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
    """Replace a provider's whole week

    Based on a version; an older one is refused. Existing bookings stay as they are; the answer
    names those that now lie outside the hours.
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
    """Dates whose hours differ from the week"""
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
    """Give one date other hours, or none

    A second override of a date replaces the first.
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
    """Go back to the week's hours on a date"""
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
