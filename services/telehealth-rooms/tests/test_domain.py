"""When the links of a room work."""

from datetime import timedelta

import pytest

from attune_testing.clock import utc
from telehealth_rooms.domain import Leeway, Window


@pytest.mark.req("RM-2")
def test_links_work_from_a_quarter_before_to_an_hour_after() -> None:
    window = Window.around(utc("2026-03-02 15:00"), utc("2026-03-02 15:50"), Leeway())
    assert window == Window(utc("2026-03-02 14:45"), utc("2026-03-02 16:50"))
    moment = timedelta(microseconds=1)
    states = {
        window.open_at - moment: (False, False),
        window.open_at: (True, False),
        window.close_at - moment: (True, False),
        window.close_at: (False, True),
    }
    assert {now: (window.is_open(now), window.is_over(now)) for now in states} == states
