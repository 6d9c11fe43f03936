"""Every pair of statuses, and answers to requests (spec BK-9)."""

import itertools
from datetime import timedelta

import pytest

from attune_testing.clock import utc
from booking.domain.status import (
    SessionTooEarly,
    Status,
    WrongStatus,
    answer,
    move,
    take_place,
)

ALLOWED = {
    ("requested", "confirmed"),
    ("requested", "declined"),
    ("requested", "cancelled"),
    ("requested", "expired"),
    ("confirmed", "in_progress"),
    ("confirmed", "completed"),
    ("confirmed", "cancelled"),
    ("confirmed", "no_show"),
    ("in_progress", "completed"),
}
IN_WORDS = dict(zip(Status, Status, strict=True)) | {
    Status.IN_PROGRESS: "in progress",
    Status.CANCELLED: "canceled",
    Status.NO_SHOW: "a no-show",
}
EVERY_PAIR = list(itertools.product(Status, Status))


@pytest.mark.req("BK-9")
def test_a_status_moves_along_the_allowed_transitions_and_no_others() -> None:
    moved = set()
    for present, wanted in EVERY_PAIR:
        try:
            assert move(present, wanted) is wanted
            moved.add((present.value, wanted.value))
        except WrongStatus:
            pass
    assert moved == ALLOWED


@pytest.mark.req("BK-9")
@pytest.mark.parametrize(("present", "wanted"), EVERY_PAIR)
def test_a_forbidden_move_names_both_states(present: Status, wanted: Status) -> None:
    if (present, wanted) in ALLOWED:
        return
    with pytest.raises(WrongStatus) as refused:
        move(present, wanted)
    assert refused.value.reason == "WRONG_STATUS"
    assert refused.value.details == {"present": present.value, "wanted": wanted.value}
    assert f"is {IN_WORDS[present]} can't become {IN_WORDS[wanted]}." in refused.value.message


@pytest.mark.req("BK-1")
def test_a_request_can_be_answered_until_its_time_has_come() -> None:
    start = utc("2026-11-02 14:00")
    before, then = utc("2026-11-02 13:59"), start
    assert answer(Status.REQUESTED, Status.CONFIRMED, start, before) is Status.CONFIRMED
    with pytest.raises(WrongStatus) as refused:
        answer(Status.REQUESTED, Status.CONFIRMED, start, then)
    assert refused.value.details == {"present": "expired", "wanted": "confirmed"}
    with pytest.raises(WrongStatus) as refused:
        answer(Status.COMPLETED, Status.DECLINED, start, then)
    assert refused.value.details == {"present": "completed", "wanted": "declined"}


START = utc("2026-11-02 14:00")


@pytest.mark.req("BK-9", "RM-7")
@pytest.mark.parametrize(
    ("present", "wanted", "early", "opens"),
    [
        (Status.CONFIRMED, Status.IN_PROGRESS, timedelta(days=9), "2026-11-02T13:45:00Z"),
        (
            Status.CONFIRMED,
            Status.IN_PROGRESS,
            timedelta(minutes=15, seconds=1),
            "2026-11-02T13:45:00Z",
        ),
        (Status.CONFIRMED, Status.COMPLETED, timedelta(days=9), "2026-11-02T14:00:00Z"),
        (Status.CONFIRMED, Status.COMPLETED, timedelta(minutes=15), "2026-11-02T14:00:00Z"),
        (Status.CONFIRMED, Status.COMPLETED, timedelta(microseconds=1), "2026-11-02T14:00:00Z"),
        (Status.IN_PROGRESS, Status.COMPLETED, timedelta(minutes=10), "2026-11-02T14:00:00Z"),
    ],
)
def test_a_session_cannot_take_place_before_its_time(
    present: Status, wanted: Status, early: timedelta, opens: str
) -> None:
    with pytest.raises(SessionTooEarly) as refused:
        take_place(present, wanted, START, START - early)
    assert (refused.value.reason, refused.value.details) == (
        "SESSION_TOO_EARLY",
        {"opens_at": opens},
    )
    assert opens in refused.value.message


@pytest.mark.req("BK-9", "RM-7")
@pytest.mark.parametrize(
    ("present", "wanted", "after"),
    [
        (Status.CONFIRMED, Status.IN_PROGRESS, timedelta(minutes=-15)),
        (Status.CONFIRMED, Status.IN_PROGRESS, timedelta(days=30)),
        (Status.CONFIRMED, Status.COMPLETED, timedelta(0)),
        (Status.IN_PROGRESS, Status.COMPLETED, timedelta(0)),
        (Status.IN_PROGRESS, Status.COMPLETED, timedelta(days=30)),
    ],
)
def test_a_session_takes_place_from_its_time_on(
    present: Status, wanted: Status, after: timedelta
) -> None:
    assert take_place(present, wanted, START, START + after) is wanted


@pytest.mark.req("BK-9")
def test_a_status_that_does_not_allow_it_is_said_before_the_time() -> None:
    with pytest.raises(WrongStatus):
        take_place(Status.CANCELLED, Status.IN_PROGRESS, START, START - timedelta(days=9))
