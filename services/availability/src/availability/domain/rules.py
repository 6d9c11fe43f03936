"""The one ordered list of rules behind the list, the check at booking and "why not" (SL-7)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from availability.domain.modes import Mode
from availability.domain.slots import Shape
from availability.domain.timetable import END_OF_TIME, Standing, Timetable
from availability.domain.wallclock import Span

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE = timedelta(minutes=1)
_ALWAYS = Span(0, END_OF_TIME)
_NEVER = Span(0, 0)


class Rule(StrEnum):
    """Why a start is not offered, in the order in which causes are given."""

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
    """How a client stands with the practice; a visitor with no known e-mail is new (AV-16)."""

    NEW = "new"
    ACTIVE = "active"
    INACTIVE = "inactive"


@dataclass(frozen=True)
class Facts:
    """What the rules look at, apart from hours and taken time.

    Self-scheduling, notice and advance bind clients; staff book by hand (AV-3, AV-9).
    """

    type_active: bool
    type_online: bool
    telehealth_enabled: bool
    modes: frozenset[Mode]
    """The modes in which the service type is offered (AV-11)."""
    mode: Mode
    """The mode that is asked for."""
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
    """What one rule says of one start; `detail` is its cause in plain words, without names."""

    rule: Rule
    passed: bool
    detail: str = ""
    refs: tuple[str, ...] = ()
    """What is in the way, where the rule is TAKEN."""


def judge(facts: Facts, standing: Standing, now: datetime, start: int) -> list[Verdict]:
    """Every rule in order, for a start in minutes of UTC since 1970 (SL-7).

    `standing` is that of the same start, for a shape of `facts.mode` that is online unless for
    staff. The start is offered, and may be booked, exactly if no verdict has failed.
    """
    return [
        *judge_offer(facts),
        *_judge_time(facts, now, start),
        *_judge_place(facts, standing),
    ]


def judge_offer(facts: Facts) -> list[Verdict]:
    """The rules that are the same for every start: if one fails, nothing is offered at all."""
    client = not facts.staff
    status_allowed = facts.status in facts.statuses
    telehealth_off = facts.mode is Mode.TELEHEALTH and not facts.telehealth_enabled
    return [
        _verdict(
            Rule.SELF_SCHEDULING_OFF,
            client and not facts.self_scheduling,
            "clients cannot schedule online with this provider",
        ),
        _verdict(
            Rule.CLIENT_STATUS_NOT_ALLOWED,
            client and not status_allowed,
            f"clients with the status {facts.status} cannot schedule online",
        ),
        _verdict(Rule.TYPE_INACTIVE, not facts.type_active, "the service type is inactive"),
        _verdict(
            Rule.TYPE_NOT_ONLINE,
            client and not facts.type_online,
            "clients cannot book the service type online",
        ),
        _verdict(
            Rule.MODE_NOT_OFFERED,
            facts.mode not in facts.modes,
            f"the service type is not offered by {facts.mode}",
        ),
        _verdict(
            Rule.TELEHEALTH_NOT_ENABLED,
            telehealth_off,
            "the service type is not enabled for telehealth",
        ),
    ]


def bookable_window(now: datetime, notice: int, max_advance: int | None) -> Span:
    """The starts that are neither too soon nor too far, as `[first, end)` (AV-15).

    `notice` is in minutes, `max_advance` in elapsed days, or None for unlimited; a start exactly
    at either limit is inside. In minutes of UTC since 1970, seconds of `now` counted in full.
    """
    since_epoch = now - _EPOCH
    first = -(-since_epoch // _MINUTE) + notice
    if max_advance is None:
        return Span(first, END_OF_TIME)
    return Span(first, (since_epoch + timedelta(days=max_advance)) // _MINUTE + 1)


def offered_window(facts: Facts, now: datetime) -> Span:
    """As `bookable_window`, for these facts: staff are bound by no limit."""
    if facts.staff:
        return _ALWAYS
    return bookable_window(now, facts.notice, facts.max_advance)


def searched_window(facts: Facts, now: datetime, first: int, end: int) -> Span:
    """What of the asked range `[first, end)` to search: nothing if the offer itself fails."""
    if not all(verdict.passed for verdict in judge_offer(facts)):
        return _NEVER
    window = offered_window(facts, now)
    return Span(max(first, window.start), min(end, window.end))


def offered_starts(
    timetable: Timetable, shape: Shape, facts: Facts, now: datetime, first: int, end: int
) -> memoryview:
    """The starts in `[first, end)` for which no rule fails, ascending (SL-1, SL-7)."""
    return timetable.starts(shape, *searched_window(facts, now, first, end))


def _judge_time(facts: Facts, now: datetime, start: int) -> Sequence[Verdict]:
    window = offered_window(facts, now)
    return (
        _verdict(
            Rule.TOO_SOON,
            start < window.start,
            f"it starts sooner than the minimum notice of {facts.notice} minutes allows",
        ),
        _verdict(
            Rule.TOO_FAR,
            start >= window.end,
            f"it starts further ahead than the maximum of {facts.max_advance} days",
        ),
    )


def _judge_place(facts: Facts, standing: Standing) -> Sequence[Verdict]:
    return (
        _verdict(
            Rule.OUTSIDE_HOURS,
            not standing.inside,
            f"the session does not lie wholly in hours open for {facts.mode}",
        ),
        _verdict(
            Rule.BLOCK_NOT_ONLINE,
            standing.inside and not standing.online,
            "the hours there cannot be booked by clients themselves",
        ),
        _verdict(
            Rule.OFF_GRID,
            standing.online and not standing.on_grid,
            "the hours there offer other starts, at the steps of the service type",
        ),
        _verdict(
            Rule.TAKEN,
            bool(standing.taken),
            "the time, with its buffers, is taken",
            tuple(taken.ref for taken in standing.taken),
        ),
    )


def _verdict(rule: Rule, failed: bool, cause: str, refs: tuple[str, ...] = ()) -> Verdict:
    return Verdict(rule, passed=False, detail=cause, refs=refs) if failed else Verdict(rule, True)
