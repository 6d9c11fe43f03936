"""The list, the check and "why not" cannot disagree: all three are one list of rules."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from availability.domain.hours import WeeklyBlock
from availability.domain.modes import ALL_MODES, Mode
from availability.domain.rules import (
    ClientStatus,
    Criteria,
    Rule,
    RuleSet,
    bookable_window,
)
from availability.domain.slots import Shape
from availability.domain.timetable import END_OF_TIME, Timetable
from availability.domain.wallclock import DAY
from common import zones
from services.availability.tests.domain.setups import (
    BLOCKS,
    BORDER,
    CHANGES,
    MONDAY,
    PROVIDER,
    SHAPES,
    ZONES,
    Change,
    every_day,
)

HOUR = Shape(60, 60)
NOW = datetime(2026, 6, 1, 8, 0, tzinfo=UTC)
FINE = Criteria(
    type_active=True,
    type_online=True,
    telehealth_enabled=True,
    modes=ALL_MODES,
    mode=Mode.TELEHEALTH,
)
STAFF = replace(FINE, staff=True)


def office(*more: WeeklyBlock) -> Timetable:
    return Timetable(zones.zone("UTC"), [*every_day(540, 660), *more], provider=PROVIDER)


def failed(
    criteria: Criteria, start: int, timetable: Timetable | None = None, shape: Shape = HOUR
) -> list[Rule]:
    shape = replace(shape, mode=criteria.mode, online=not criteria.staff)
    standing = (timetable or office()).standing(shape, start)
    verdicts = RuleSet(criteria, shape).judge(NOW, start, standing)
    return [each.rule for each in verdicts if not each.passed]


@pytest.mark.req("SL-7")
def test_every_rule_is_judged_once_and_in_order() -> None:
    standing = office().standing(HOUR, MONDAY + 540)
    verdicts = RuleSet(FINE, HOUR).judge(NOW, MONDAY + 540, standing)
    assert [each.rule for each in verdicts] == list(Rule)
    assert all(each.passed and not each.detail for each in verdicts)


@pytest.mark.req("SL-7", "AV-11", "AV-14", "AV-16")
@pytest.mark.parametrize(
    ("criteria", "rule"),
    [
        (replace(FINE, self_scheduling=False), Rule.SELF_SCHEDULING_OFF),
        (replace(FINE, statuses=frozenset()), Rule.CLIENT_STATUS_NOT_ALLOWED),
        (
            replace(FINE, status=ClientStatus.INACTIVE, statuses=frozenset({ClientStatus.NEW})),
            Rule.CLIENT_STATUS_NOT_ALLOWED,
        ),
        (replace(FINE, type_active=False), Rule.TYPE_INACTIVE),
        (replace(FINE, type_online=False), Rule.TYPE_NOT_ONLINE),
        (replace(FINE, modes=frozenset({Mode.PHONE})), Rule.MODE_NOT_OFFERED),
        (replace(FINE, telehealth_enabled=False), Rule.TELEHEALTH_NOT_ENABLED),
    ],
)
def test_a_rule_about_the_offer_fails_alone_and_empties_the_list(
    criteria: Criteria, rule: Rule
) -> None:
    assert failed(criteria, MONDAY + 540) == [rule]
    rules = RuleSet(criteria, HOUR)
    assert rules.starts(office(), NOW, MONDAY, MONDAY + DAY).tolist() == []


@pytest.mark.req("SL-7", "AV-3", "AV-9")
def test_self_scheduling_notice_and_advance_do_not_bind_staff() -> None:
    criteria = replace(
        STAFF, self_scheduling=False, statuses=frozenset(), type_online=False, notice=10**6
    )
    assert failed(criteria, MONDAY + 540) == []
    assert failed(replace(criteria, type_active=False), MONDAY + 540) == [Rule.TYPE_INACTIVE]
    assert failed(criteria, MONDAY + 500 * DAY + 540) == []
    assert failed(criteria, MONDAY) == [Rule.OUTSIDE_HOURS]


@pytest.mark.req("SL-7")
def test_telehealth_has_to_be_enabled_for_telehealth_alone() -> None:
    criteria = replace(FINE, telehealth_enabled=False, mode=Mode.PHONE)
    assert failed(criteria, MONDAY + 540) == []


@pytest.mark.req("SL-7", "AV-15")
def test_too_soon_and_too_far() -> None:
    assert failed(replace(FINE, notice=60), MONDAY + 540) == []
    assert failed(replace(FINE, notice=61), MONDAY + 540) == [Rule.TOO_SOON]
    assert failed(replace(FINE, max_advance=2), MONDAY + DAY + 540) == []
    assert failed(replace(FINE, max_advance=1), MONDAY + DAY + 540) == [Rule.TOO_FAR]
    assert failed(replace(FINE, max_advance=None), MONDAY + 5000 * DAY + 540) == []


@pytest.mark.req("SL-7", "AV-3")
def test_outside_hours_and_offline_blocks_and_the_grid() -> None:
    timetable = office(*every_day(660, 720, online=False))
    assert failed(FINE, MONDAY + 539, timetable) == [Rule.OUTSIDE_HOURS]
    assert failed(FINE, MONDAY + 720, timetable) == [Rule.OUTSIDE_HOURS]
    assert failed(FINE, MONDAY + 601, timetable) == [Rule.BLOCK_NOT_ONLINE]
    assert failed(STAFF, MONDAY + 660, timetable) == []
    assert failed(FINE, MONDAY + 550, timetable) == [Rule.OFF_GRID]


@pytest.mark.req("SL-3", "SL-7")
def test_what_is_in_the_way_is_named_by_reference() -> None:
    timetable = office()
    timetable.take("booking 5", PROVIDER, MONDAY + 599, MONDAY + 630)
    timetable.take("lunch", PROVIDER, MONDAY + 540, MONDAY + 541)
    standing = timetable.standing(HOUR, MONDAY + 540)
    verdicts = RuleSet(FINE, HOUR).judge(NOW, MONDAY + 540, standing)
    assert [each.refs for each in verdicts if not each.passed] == [("lunch", "booking 5")]


@pytest.mark.req("SL-3", "SL-7")
def test_a_session_takes_the_room_of_its_block() -> None:
    timetable = office(*every_day(660, 720, room=7))
    in_person = replace(HOUR, mode=Mode.IN_PERSON)
    assert timetable.standing(in_person, MONDAY + 540).room is None
    assert timetable.standing(in_person, MONDAY + 660).room == 7
    assert timetable.standing(HOUR, MONDAY + 660).room is None
    timetable.take("theirs", 7, MONDAY + 719, MONDAY + 800)
    assert failed(replace(FINE, mode=Mode.IN_PERSON), MONDAY + 660, timetable) == [Rule.TAKEN]
    assert failed(FINE, MONDAY + 660, timetable) == []


@pytest.mark.req("AV-15")
def test_the_window_counts_seconds_in_full_and_includes_both_limits() -> None:
    exact = MONDAY + 480
    assert bookable_window(NOW, 30, 2) == (exact + 30, exact + 2 * DAY + 1)
    late = NOW + timedelta(microseconds=1)
    assert bookable_window(late, 30, 2) == (exact + 31, exact + 2 * DAY + 1)
    assert bookable_window(late, 0, None) == (exact + 1, END_OF_TIME)


@st.composite
def criteria(draw: st.DrawFn, shape: Shape) -> Criteria:
    """Criteria that mostly pass."""
    usually = st.sampled_from((True,) * 9 + (False,))
    return Criteria(
        type_active=draw(usually),
        type_online=draw(usually),
        telehealth_enabled=draw(usually),
        modes=ALL_MODES if draw(usually) else draw(st.frozensets(st.sampled_from(Mode))),
        mode=shape.mode,
        self_scheduling=draw(usually),
        statuses=frozenset(ClientStatus) if draw(usually) else frozenset({ClientStatus.NEW}),
        status=draw(st.sampled_from(ClientStatus)),
        notice=draw(st.sampled_from((0, 30, 1440))),
        max_advance=draw(st.sampled_from((None, 0, 1, 2, 90))),
        staff=not shape.online,
    )


@pytest.mark.req("SL-1", "SL-7")
@given(ZONES, st.lists(BLOCKS, max_size=8), SHAPES, CHANGES, st.data())
def test_a_start_is_listed_exactly_if_no_rule_fails(
    tz: str,
    blocks: list[WeeklyBlock],
    shape: Shape,
    changes: list[Change],
    data: st.DataObject,
) -> None:
    timetable = Timetable(zones.zone(tz), blocks, provider=PROVIDER)
    for number, (_, _, resource, start, length) in enumerate(changes):
        timetable.take(str(number), resource, start, start + length)
    known = data.draw(criteria(shape))
    now = datetime.fromtimestamp((BORDER - data.draw(st.integers(0, 2 * DAY))) * 60 - 1, UTC)
    first = BORDER - data.draw(st.integers(0, DAY))
    end = first + 300
    rules = RuleSet(known, shape)
    listed = rules.starts(timetable, now, first, end).tolist()
    passing = [
        start
        for start in range(first, end)
        if all(v.passed for v in rules.judge(now, start, timetable.standing(shape, start)))
    ]
    assert listed == passing
