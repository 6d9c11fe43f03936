"""Blocks of hours in the form in which providers and overrides keep them: as JSON."""

from collections.abc import Iterable

from availability.domain.hours import WeeklyBlock
from availability.domain.modes import Mode
from availability.store.tables import Json


def to_json(blocks: Iterable[WeeklyBlock]) -> list[Json]:
    """Return the blocks as JSON."""
    return [
        {
            "day": block.day,
            "start": block.start,
            "end": block.end,
            "online": block.online,
            "modes": sorted(block.modes),
            "room": block.room,
        }
        for block in blocks
    ]


def from_json(stored: Iterable[Json]) -> list[WeeklyBlock]:
    """Return the blocks that the JSON describes."""
    return [
        WeeklyBlock(
            start=block["start"],
            end=block["end"],
            online=block["online"],
            modes=frozenset(Mode(word) for word in block["modes"]),
            room=block["room"],
            day=block["day"],
        )
        for block in stored
    ]
