"""Random replay cases, gathered around the changes of clocks (SL-11)."""

from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Any

from hypothesis import strategies as st

from common import zones

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY = 1440
Case = dict[str, Any]

ZONES = (
    "Africa/Cairo", "Africa/Casablanca", "Africa/El_Aaiun", "Africa/Johannesburg",
    "America/Adak", "America/Anchorage", "America/Asuncion", "America/Chicago", "America/Denver",
    "America/Halifax", "America/Havana", "America/Los_Angeles", "America/Mexico_City",
    "America/Miquelon", "America/New_York", "America/Nuuk", "America/Phoenix",
    "America/Santiago", "America/Sao_Paulo", "America/Scoresbysund", "America/St_Johns",
    "America/Vancouver", "Antarctica/Troll", "Asia/Almaty", "Asia/Amman", "Asia/Beirut",
    "Asia/Gaza", "Asia/Hebron", "Asia/Jerusalem", "Asia/Kathmandu", "Asia/Kolkata",
    "Asia/Tehran", "Asia/Tokyo", "Atlantic/Azores", "Australia/Adelaide", "Australia/Eucla",
    "Australia/Lord_Howe", "Australia/Sydney", "Europe/Berlin", "Europe/Chisinau",
    "Europe/Dublin", "Europe/Lisbon", "Europe/London", "Pacific/Apia", "Pacific/Auckland",
    "Pacific/Chatham", "Pacific/Easter", "Pacific/Kiritimati", "Pacific/Marquesas",
    "Pacific/Norfolk", "UTC",
)  # fmt: skip

APIA_SKIPS_A_DATE = 22_087_800
"""2011-12-30T10:00Z, when 2011-12-29 24:00 in Apia became 2011-12-31 00:00."""


@lru_cache
def changes(name: str) -> tuple[int, ...]:
    """The minutes since 1970 at which a zone's clocks change, 2024 to 2028."""
    zone = zones.zone(name)

    def offset(minute: int) -> timedelta | None:
        return datetime.fromtimestamp(minute * 60, zone).utcoffset()

    found = []
    first, end = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) // 60 for year in (2024, 2029))
    for low in range(first, end, DAY // 2):
        high = low + DAY // 2
        if offset(low) != offset(high):
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (low, middle) if offset(middle) != offset(low) else (middle, high)
            found.append(high)
    return tuple(found)


def written(minute: int, *, second: int = 0, micro: int = 0, ahead: int = 0) -> str:
    """An instant of UTC as RFC 3339, as read in a zone that is `ahead` by so many minutes."""
    at = EPOCH + timedelta(minutes=minute, seconds=second, microseconds=micro)
    if not ahead:
        return at.isoformat().replace("+00:00", "Z")
    return at.astimezone(timezone(timedelta(minutes=ahead))).isoformat()


def wall(name: str, minute: int) -> datetime:
    """What the clock of a zone reads at a minute of UTC."""
    return datetime.fromtimestamp(minute * 60, zones.zone(name))


def clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


@st.composite
def instants(draw: st.DrawFn, low: int, high: int) -> str:
    """An instant between two minutes, mostly whole, in any notation."""
    minute = draw(st.integers(low, high))
    second, micro = draw(st.sampled_from(((0, 0), (0, 0), (0, 0), (1, 0), (59, 0), (0, 1))))
    ahead = draw(st.sampled_from((0, 0, 345, -90)))
    return written(minute, second=second, micro=micro, ahead=ahead)


@st.composite
def hours(draw: st.DrawFn, pivots: tuple[int, ...]) -> tuple[str, str]:
    """Start and end of a block, often around the wall-clock minutes `pivots`."""
    near = st.builds(
        lambda pivot, by: (pivot + by) % DAY,
        st.sampled_from(pivots),
        st.sampled_from((-90, -60, -45, -30, -15, -10, -1, 0, 1, 10, 15, 20, 30, 45, 60, 90, 180)),
    )
    times = st.one_of(near, st.sampled_from((0, 540, 720, 1020, DAY)), st.integers(0, DAY))
    start, end = sorted((draw(times), draw(times)))
    if start == end:
        start, end = (start, start + 1) if start < DAY else (start - 1, start)
    return clock(start), clock(end)


@st.composite
def pivots(draw: st.DrawFn) -> tuple[str, int]:
    """A zone and a minute to search around: mostly one at which its clocks change."""
    tz = draw(st.one_of(st.sampled_from([name for name in ZONES if changes(name)]), ZONE))
    known = changes(tz) + ((APIA_SKIPS_A_DATE,) if tz == "Pacific/Apia" else ())
    anywhere = st.integers(28_401_120, 31_032_000)  # 2024 to 2028
    usually = st.sampled_from((True, True, True, False))
    if draw(usually) and known:
        return tz, draw(st.sampled_from(known))
    return tz, draw(anywhere)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """One case of a few days."""
    tz, pivot = draw(pivots())
    before, after = wall(tz, pivot - 1) + timedelta(minutes=1), wall(tz, pivot)
    spans = hours(tuple(at.hour * 60 + at.minute for at in (before, after)))
    weekly = draw(st.lists(st.tuples(WEEKDAYS, spans), min_size=draw(FEW), max_size=5))
    dates = st.sampled_from([str((after + timedelta(days=by)).date()) for by in range(-2, 3)])
    override = st.tuples(dates, st.lists(spans, max_size=3))
    overrides = draw(st.lists(override, max_size=2, unique_by=lambda each: each[0]))
    busy = st.lists(st.tuples(st.integers(-2 * DAY, 2 * DAY), st.integers(0, 200)), max_size=6)
    first, end = pivot - draw(st.integers(0, 2 * DAY)), pivot + draw(st.integers(1, 2 * DAY))
    return {
        "tz": tz,
        "weekly_hours": [{"days": d, "start": s, "end": e} for d, (s, e) in weekly],
        "date_overrides": [
            {"date": day, "hours": [{"start": s, "end": e} for s, e in blocks]}
            for day, blocks in overrides
        ],
        "busy": [draw(busy_times(pivot + by, length)) for by, length in draw(busy)],
        "duration_min": draw(st.sampled_from((30, 1, 5, 7, 15, 25, 45, 50, 60, 90, 480, 1500))),
        "step_min": draw(st.sampled_from((15, 5, 7, 10, 20, 30, 45, 50, 60, 90, 1000))),
        "buffer_before_min": draw(st.sampled_from((0, 0, 5, 10, 45, 100))),
        "buffer_after_min": draw(st.sampled_from((0, 0, 5, 10, 45, 100))),
        "min_notice_min": draw(st.sampled_from((0, 0, 30, 1440, 61))),
        "now": draw(st.one_of(instants(first - 3 * DAY, first), instants(first, end))),
        "range_start": draw(instants(first, first)),
        "range_end": draw(instants(end, end)),
    }


ZONE = st.sampled_from(ZONES)
FEW = st.sampled_from((2, 1, 3, 0))
WEEKDAYS = st.one_of(
    st.just(list(range(7))),
    st.lists(st.integers(0, 6), min_size=4, max_size=7, unique=True),
    st.lists(st.integers(0, 6), min_size=1, max_size=3, unique=True),
)


@st.composite
def busy_times(draw: st.DrawFn, start: int, length: int) -> Case:
    """A busy interval from about `start`, of about that many minutes; of none at all if 0."""
    at = draw(instants(start, start))
    return {"start": at, "end": draw(instants(start + length, start + length)) if length else at}
