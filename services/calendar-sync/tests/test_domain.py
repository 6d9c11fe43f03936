"""Which bookings a feed shows, and initials."""

import pytest

from attune_testing.clock import utc
from calendar_sync import domain

pytestmark = pytest.mark.req("CS-6")


@pytest.mark.parametrize(
    ("name", "initials"),
    [
        ("Ada Byron", "A. B."),
        ("Ada Maria King Byron", "A. B."),
        ("  ada   byron ", "A. B."),
        ("Ada\nByron", "A. B."),
        ("Cher", "C."),
        ("E\u0301mile Zola", "É. Z."),
        ("ægir ßen", "Æ. ß."),
        ("(Ada) 'Byron'", "A. B."),
        ("Ada — ", "A."),
        ("Łukasz Żak", "Ł. Ż."),
        ("Δήμητρα Ωραία", "Δ. Ω."),
        ("小林 明子", "小. 明."),
        ("7 of 9", "7. 9."),
        ("", ""),
        ("…", ""),
        ("\U0001f600", ""),
    ],
)
def test_initials_are_of_the_first_and_the_last_word(name: str, initials: str) -> None:
    assert domain.initials(name) == initials


def test_a_feed_reaches_from_thirty_days_back_to_four_hundred_ahead() -> None:
    assert domain.Range.around(utc("2026-03-02 12:00")) == domain.Range(
        utc("2026-01-31 12:00"), utc("2027-04-06 12:00")
    )
