"""What reopening a session undoes, and until when (spec BK-14)."""

from datetime import timedelta

import pytest

from attune_testing.clock import utc
from booking.domain.reopening import (
    ReopenTooLate,
    SessionChange,
    SessionPaid,
    reopen,
    reopen_until,
)
from booking.domain.status import Status, WrongStatus

pytestmark = pytest.mark.req("BK-14")
BEGAN = utc("2026-11-02 14:00")
LIMIT = timedelta(minutes=15)


def history(*changes: str) -> list[SessionChange]:
    """Return these changes, one a minute, from BEGAN on."""
    return [
        SessionChange(change, BEGAN + timedelta(minutes=number))
        for number, change in enumerate(changes)
    ]


@pytest.mark.parametrize(
    ("changes", "present", "before", "undone"),
    [
        ("started", "in_progress", "confirmed", 0),
        ("completed", "completed", "confirmed", 0),
        ("confirmed started", "in_progress", "confirmed", 1),
        ("confirmed started completed", "completed", "in_progress", 2),
        ("started completed reopened", "in_progress", "confirmed", 0),
        ("started reopened completed", "completed", "confirmed", 2),
        ("started completed reopened completed", "completed", "in_progress", 3),
        ("completed reopened started completed", "completed", "in_progress", 3),
        ("started completed reopened reopened started", "in_progress", "confirmed", 4),
        ("requested confirmed cancellation_requested completed", "completed", "confirmed", 3),
    ],
)
def test_the_latest_standing_change_is_undone(
    changes: str, present: str, before: str, undone: int
) -> None:
    made = history(*changes.split())
    limit = made[undone].changed_at + LIMIT
    assert reopen(Status(present), made, "", limit) == before
    assert reopen_until(Status(present), made, "", limit) == limit
    late = limit + timedelta(microseconds=1)
    assert reopen_until(Status(present), made, "", late) is None
    with pytest.raises(ReopenTooLate) as refused:
        reopen(Status(present), made, "", late)
    instant = f"{limit:%Y-%m-%dT%H:%M:%SZ}"
    assert (refused.value.reason, refused.value.details) == (
        "REOPEN_TOO_LATE",
        {"reopen_until_time": instant},
    )
    assert instant in refused.value.message


@pytest.mark.parametrize(
    ("present", "changes", "in_words"),
    [
        ("requested", "requested", "requested"),
        ("confirmed", "confirmed", "confirmed"),
        ("confirmed", "confirmed started reopened", "confirmed"),
        ("cancelled", "confirmed cancelled", "canceled"),
        ("declined", "requested declined", "declined"),
        ("expired", "requested expired", "expired"),
        ("no_show", "confirmed no_show", "a no-show"),
    ],
)
def test_only_a_session_that_has_begun_is_reopened(
    present: str, changes: str, in_words: str
) -> None:
    made = history(*changes.split())
    assert reopen_until(Status(present), made, "", BEGAN) is None
    with pytest.raises(WrongStatus) as refused:
        reopen(Status(present), made, "", BEGAN)
    assert refused.value.details == {"present": present, "wanted": "in_progress"}
    assert refused.value.message.endswith(f"This booking is {in_words}.")


@pytest.mark.parametrize("paid", ["paid", "partly_paid", "refunded"])
def test_what_was_paid_is_not_reopened(paid: str) -> None:
    made = history("completed")
    assert reopen_until(Status.COMPLETED, made, paid, BEGAN) is None
    with pytest.raises(SessionPaid) as refused:
        reopen(Status.COMPLETED, made, paid, BEGAN)
    assert refused.value.details == {"payment_status": paid}


@pytest.mark.parametrize("unpaid", ["", "not_billed", "due", "failed"])
def test_what_was_not_paid_is_reopened(unpaid: str) -> None:
    assert reopen(Status.COMPLETED, history("completed"), unpaid, BEGAN) is Status.CONFIRMED
