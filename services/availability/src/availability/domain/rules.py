"""The rules that decide whether a start can be booked, in one ordered list (spec SL-7).

Search, CheckSlot and "why not" ask the same `RuleSet`: search for the starts that pass every rule,
the other two for the verdict of every rule on one start.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from availability.domain.modes import Mode
from availability.domain.policies import Policies
from availability.domain.service_types import ServiceType
from availability.domain.slots import Shape
from availability.domain.timetable import END_OF_TIME, Standing, Timetable
from availability.domain.wallclock import DAY, Span

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE = timedelta(minutes=1)
_ALWAYS = Span(0, END_OF_TIME)
_NEVER = Span(0, 0)


class Rule(StrEnum):
    """Why a start cannot be booked, in the order in which causes are given."""

    SELF_SCHEDULING_OFF = "self_scheduling_off"
    CLIENT_STATUS_NOT_ALLOWED = "client_status_not_allowed"
    TYPE_INACTIVE = "type_inactive"
    TYPE_NOT_ONLINE = "type_not_online"
    MODE_NOT_OFFERED = "mode_not_offered"
    TELEHEALTH_NOT_ENABLED = "telehealth_not_enabled"
    TOO_SOON = "too_soon"
    TOO_FAR = "too_far"
    OUTSIDE_HOURS = "outside_hours"
    BLOCK_NOT_ONLINE = "block_not_online"
    OFF_GRID = "off_grid"
    TAKEN = "taken"


class ClientStatus(StrEnum):
    """How a client stands with the practice. A visitor whose email is unknown is new (AV-16)."""

    NEW = "new"
    ACTIVE = "active"
    INACTIVE = "inactive"


@dataclass(frozen=True)
class Criteria:
    """The inputs of the rules, apart from hours, taken time, and the present instant.

    Self-scheduling, notice and advance bind clients; staff book by hand (AV-3, AV-9).
    """

    type_active: bool
    type_online: bool
    telehealth_enabled: bool
    modes: frozenset[Mode]
    """The modes in which the service type can be booked (AV-11)."""
    mode: Mode
    """The requested mode."""
    self_scheduling: bool = True
    statuses: frozenset[ClientStatus] = frozenset(ClientStatus)
    """The client statuses that may schedule themselves (AV-16)."""
    status: ClientStatus = ClientStatus.NEW
    notice: int = 30
    """Minimum notice in elapsed minutes (AV-15)."""
    max_advance: int | None = 90
    """Maximum advance in elapsed days of 24 hours, None for unlimited (AV-15)."""
    staff: bool = False


@dataclass(frozen=True)
class Verdict:
    """The result of one rule for one start; `detail` is the cause in plain words, without names."""

    rule: Rule
    passed: bool
    detail: str = ""
    refs: tuple[str, ...] = ()
    """The bookings and holds in the way, where the rule is TAKEN."""


class RuleSet:
    """All rules for the starts of sessions of one shape, under one set of criteria.

    A rule set never changes, so it may be kept as long as its criteria hold. The present instant
    and the state of the timetable come in with each question.
    """

    def __init__(self, criteria: Criteria, shape: Shape) -> None:
        """`shape` has the mode of the criteria, and is online unless they are those of staff."""
        self.criteria = criteria
        self.shape = shape
        self._general = _judge_criteria(criteria)
        self.failed = tuple(verdict for verdict in self._general if not verdict.passed)
        """The rules that fail for every start: if there is one, nothing can be booked."""

    def window(self, now: datetime) -> Span:
        """Return the span outside of which no start passes; it is empty if a rule always fails.

        A start inside passes all rules but those about hours and taken time.
        """
        return _NEVER if self.failed else _time_window(self.criteria, now)

    def starts(self, timetable: Timetable, now: datetime, first: int, end: int) -> memoryview:
        """Return the starts in `[first, end)` for which no rule fails, ascending (SL-1)."""
        window = self.window(now)
        return timetable.starts(self.shape, max(first, window.start), min(end, window.end))

    def judge(self, now: datetime, start: int, standing: Standing) -> list[Verdict]:
        """Return the verdict of every rule, in order, on a start in minutes of UTC since 1970.

        `standing` is that of the same start for this shape. `starts` has the start exactly if no
        verdict has failed.
        """
        return [
            *self._general,
            *_judge_time(self.criteria, now, start),
            *_judge_standing(self.criteria, standing),
        ]


def rule_set(
    service_type: ServiceType, policies: Policies, mode: Mode, status: ClientStatus
) -> RuleSet:
    """Return the rules for clients of a status who book a service type in a mode."""
    may_schedule = {
        ClientStatus.NEW: policies.new_clients_may_schedule,
        ClientStatus.ACTIVE: policies.active_clients_may_schedule,
        ClientStatus.INACTIVE: policies.inactive_clients_may_schedule,
    }
    criteria = Criteria(
        type_active=service_type.active,
        type_online=service_type.online,
        telehealth_enabled=service_type.telehealth_enabled,
        modes=frozenset(service_type.modes),
        mode=mode,
        self_scheduling=policies.clients_may_schedule,
        statuses=frozenset(status for status, may in may_schedule.items() if may),
        status=status,
        notice=policies.minimum_notice_minutes,
        max_advance=policies.maximum_advance_days or None,
    )
    shape = Shape(
        duration=service_type.duration_minutes,
        step=service_type.step_minutes,
        buffer_before=service_type.buffer_before_minutes,
        buffer_after=service_type.buffer_after_minutes,
        mode=mode,
    )
    return RuleSet(criteria, shape)


def bookable_window(now: datetime, notice: int, max_advance: int | None) -> Span:
    """Return the starts that are neither too soon nor too far, as `[first, end)` (AV-15).

    `notice` is in minutes, `max_advance` in elapsed days, or None for unlimited; a start exactly
    at either limit is inside. In minutes of UTC since 1970, seconds of `now` counted in full.
    """
    minute, rest = divmod(now - _EPOCH, _MINUTE)
    first = minute + notice + (1 if rest else 0)
    return Span(first, END_OF_TIME if max_advance is None else minute + max_advance * DAY + 1)


def _time_window(criteria: Criteria, now: datetime) -> Span:
    if criteria.staff:
        return _ALWAYS
    return bookable_window(now, criteria.notice, criteria.max_advance)


def _judge_criteria(criteria: Criteria) -> tuple[Verdict, ...]:
    """Return the verdicts that are the same for every start."""
    client = not criteria.staff
    status_allowed = criteria.status in criteria.statuses
    telehealth_off = criteria.mode is Mode.TELEHEALTH and not criteria.telehealth_enabled
    return (
        _verdict(
            Rule.SELF_SCHEDULING_OFF,
            client and not criteria.self_scheduling,
            "this provider doesn't take online bookings",
        ),
        _verdict(
            Rule.CLIENT_STATUS_NOT_ALLOWED,
            client and not status_allowed,
            f"the practice doesn't take online bookings from {criteria.status} clients",
        ),
        _verdict(Rule.TYPE_INACTIVE, not criteria.type_active, "the service type is inactive"),
        _verdict(
            Rule.TYPE_NOT_ONLINE,
            client and not criteria.type_online,
            "this service type can't be booked online",
        ),
        _verdict(
            Rule.MODE_NOT_OFFERED,
            criteria.mode not in criteria.modes,
            f"the service type isn't offered in the mode {criteria.mode}",
        ),
        _verdict(
            Rule.TELEHEALTH_NOT_ENABLED,
            telehealth_off,
            "telehealth is turned off for the service type",
        ),
    )


def _judge_time(criteria: Criteria, now: datetime, start: int) -> Sequence[Verdict]:
    window = _time_window(criteria, now)
    return (
        _verdict(
            Rule.TOO_SOON,
            start < window.start,
            f"the start is too soon: the minimum notice is {criteria.notice} minutes",
        ),
        _verdict(
            Rule.TOO_FAR,
            start >= window.end,
            f"the start is too far ahead: the maximum is {criteria.max_advance} days",
        ),
    )


def _judge_standing(criteria: Criteria, standing: Standing) -> Sequence[Verdict]:
    return (
        _verdict(
            Rule.OUTSIDE_HOURS,
            not standing.inside,
            f"the session is outside the hours for {criteria.mode}",
        ),
        _verdict(
            Rule.BLOCK_NOT_ONLINE,
            standing.inside and not standing.online,
            "clients can't book these hours online",
        ),
        _verdict(
            Rule.OFF_GRID,
            standing.online and not standing.on_grid,
            "the start isn't one of the service type's start times in these hours",
        ),
        _verdict(
            Rule.TAKEN,
            bool(standing.taken),
            "the time, including buffers, is taken",
            tuple(taken.ref for taken in standing.taken),
        ),
    )


def _verdict(rule: Rule, failed: bool, cause: str, refs: tuple[str, ...] = ()) -> Verdict:
    return Verdict(rule, passed=False, detail=cause, refs=refs) if failed else Verdict(rule, True)
