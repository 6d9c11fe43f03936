"""Every pair of statuses, and answers to requests (spec BK-9)."""

import itertools

import pytest

from attune_testing.clock import utc
from booking.domain.status import Status, WrongStatus, answer, move

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
    assert present.replace("_", " ") in refused.value.message
    assert wanted.replace("_", " ") in refused.value.message


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
