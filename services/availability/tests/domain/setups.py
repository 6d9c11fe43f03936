"""Random set-ups of a provider, shapes and changes of taken time, about the border of a chunk."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from availability.domain.hours import WeeklyBlock
from availability.domain.modes import ALL_MODES, Mode
from availability.domain.slots import Shape
from availability.domain.timetable import CHUNK
from availability.domain.wallclock import DAY

MONDAY = int(datetime(2026, 6, 1, tzinfo=UTC).timestamp()) // 60
BORDER = 322 * CHUNK
"""Where one chunk ends and the next begins: 2026-06-04T00:00Z."""
WINDOW = BORDER - 4 * DAY, BORDER + 4 * DAY
PROVIDER, ROOM, OTHER_ROOM = 1, 7, 8

Change = tuple[str, str, int, int, int]
"""`take` or `release`, ref, resource, start, length."""


def every_day(start: int, end: int, **more: Any) -> list[WeeklyBlock]:
    return [WeeklyBlock(start, end, day=day, **more) for day in range(7)]


BLOCKS = st.builds(
    lambda start, length, day, online, modes, room: WeeklyBlock(
        start, min(start + length, DAY), online, modes, room, day=day
    ),
    st.one_of(st.just(0), st.integers(0, DAY - 1)),
    st.integers(1, DAY),
    st.integers(0, 6),
    st.booleans(),
    st.one_of(st.just(ALL_MODES), st.frozensets(st.sampled_from(Mode), min_size=1)),
    st.sampled_from((None, ROOM, OTHER_ROOM)),
)
SHAPES = st.builds(
    Shape,
    duration=st.sampled_from((1, 25, 30, 50, 480, 2000)),
    step=st.sampled_from((5, 15, 20, 50)),
    buffer_before=st.sampled_from((0, 5, 30)),
    buffer_after=st.sampled_from((0, 10, 45)),
    mode=st.sampled_from(Mode),
    online=st.booleans(),
)
ZONES = st.sampled_from(("UTC", "America/New_York", "Australia/Lord_Howe", "Asia/Beirut"))
CHANGES = st.lists(
    st.tuples(
        st.sampled_from(("take", "take", "release")),
        st.sampled_from("abcd"),
        st.sampled_from((PROVIDER, PROVIDER, ROOM, 99)),
        st.one_of(st.integers(BORDER - 90, BORDER + 90), st.integers(WINDOW[0] - 600, WINDOW[1])),
        st.one_of(st.integers(-5, 600), st.just(5 * DAY)),
    ),
    max_size=8,
)
