"""Sessions that lie outside the hours, for example after a change of the hours (spec AV-2)."""

from collections.abc import Iterable
from typing import NamedTuple

from availability.domain.hours import Hours
from availability.domain.modes import Mode
from availability.domain.wallclock import merged


class Session(NamedTuple):
    """The session of a booking, without buffers, in minutes of UTC since 1970."""

    start: int
    end: int
    ref: str


def outside(hours: Hours, sessions: Iterable[Session]) -> list[str]:
    """Return the refs, by start, of the sessions that do not fit in the open hours of any mode."""
    return [s.ref for s in sorted(sessions) if not _is_inside(hours, s)]


def _is_inside(hours: Hours, session: Session) -> bool:
    runs = (
        (run.start, run.end)
        for mode in Mode
        for run in hours.runs_between(session.start, session.end, mode, online=False)
    )
    return any(span.start <= session.start and session.end <= span.end for span in merged(runs))
