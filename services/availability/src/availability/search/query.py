"""Queries of a snapshot: which are valid, and the starts that answer them.

An answer has the starts in minutes of UTC since 1970, ascending; the revision of a state that is
not newer than the starts; and the duration of the sessions in minutes.
"""

from datetime import datetime

from availability.domain.modes import Mode
from availability.domain.rules import ClientStatus, Rule, RuleSet, Verdict
from availability.domain.wallclock import DAY, Span
from availability.search.snapshot import Snapshot
from common.errors import Invalid, Refused
from common.validation import END, FIRST, RangeReversed

MOST_STARTS = 50
"""The most starts that one query for the next or nearest starts returns."""
LONGEST_RANGE = 93 * DAY
"""Minutes of a search: 92 dates, even if clocks are put back within them (spec SL-1)."""
_FURTHEST = 3660 * DAY  # how far ahead to look for the next starts if advance is unlimited
_NEAR = 30 * DAY  # on either side of the wanted start
_FIRST_MINUTE, _END_MINUTE = (int(bound.timestamp()) // 60 for bound in (FIRST, END))
_OF_TYPE = {Rule.TYPE_INACTIVE, Rule.TYPE_NOT_ONLINE}
_OF_MODE = {Rule.MODE_NOT_OFFERED, Rule.TELEHEALTH_NOT_ENABLED}


class RangeTooLong(Invalid):
    """A search can cover at most 92 dates."""


def check_range(first: int, end: int) -> None:
    """Raise unless `[first, end)`, in minutes since 1970, can be searched."""
    if not _FIRST_MINUTE <= first < _END_MINUTE:
        raise Invalid(
            "Must be a minute from 2000 through 2100.",
            field="first_minute",
            reason="OUT_OF_RANGE",
        )
    if end <= first:
        raise RangeReversed(field="end_minute")
    if end - first > LONGEST_RANGE:
        raise RangeTooLong(field="end_minute")


def rules(snapshot: Snapshot, service: str, mode: Mode, status: ClientStatus) -> RuleSet:
    """Return the rules for a query by clients with a status.

    Raises ServiceTypeNotFound, Refused for a service type that nobody can book online, and Invalid
    for a mode that the service type does not have (spec SL-10). If policies keep such clients from
    scheduling (spec AV-16), that is no error: there are no slots.
    """
    found = snapshot.rules(service, mode, status)
    for verdict in found.failed:
        if verdict.rule in _OF_TYPE:
            raise refusal(verdict)
        if verdict.rule in _OF_MODE:
            raise Invalid(_sentence(verdict.detail), field="mode", reason=verdict.rule.name)
    return found


def search(
    snapshot: Snapshot, rules: RuleSet, now: datetime, first: int, end: int
) -> tuple[memoryview, str, int]:
    """Return the bookable starts in `[first, end)` (spec SL-1 to SL-3)."""
    revision = snapshot.revision  # before the starts, which are then at least as new
    starts = rules.starts(snapshot.timetable, now, first, end)
    return starts, revision, rules.shape.duration


def next_starts(
    snapshot: Snapshot, rules: RuleSet, now: datetime, count: int
) -> tuple[list[int], str, int]:
    """Return the first `count` bookable starts from now on (spec SL-4)."""
    revision = snapshot.revision
    starts = snapshot.timetable.first_starts(rules.shape, *_bounded(rules.window(now)), count)
    return starts, revision, rules.shape.duration


def nearest_starts(
    snapshot: Snapshot, rules: RuleSet, now: datetime, around: int, count: int
) -> tuple[list[int], str, int]:
    """Return the `count` bookable starts nearest to the minute `around` (spec BK-2)."""
    revision = snapshot.revision
    window = _bounded(rules.window(now))
    near = max(window.start, around - _NEAR), min(window.end, around + _NEAR)
    starts = snapshot.timetable.nearest_starts(rules.shape, around, *near, count)
    return starts, revision, rules.shape.duration


def refusal(verdict: Verdict) -> Refused:
    """Return the error for a failed rule; it names the field that the rule is about."""
    of_type, of_mode = verdict.rule in _OF_TYPE, verdict.rule in _OF_MODE
    field = "service" if of_type else "mode" if of_mode else "start_time"
    return Refused(_sentence(verdict.detail), field=field, reason=verdict.rule.name)


def _bounded(window: Span) -> Span:
    return Span(window.start, min(window.end, window.start + _FURTHEST))


def _sentence(cause: str) -> str:
    return f"{cause[:1].upper()}{cause[1:]}."
