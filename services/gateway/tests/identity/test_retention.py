"""Ended sessions of staff, and counts of attempts to sign in, are removed."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from attune_testing.clock import TestClock
from common.db.database import EVERY_PRACTICE, Database
from common.upkeep import retention
from gateway.retention import purges
from services.gateway.tests.clinic import PASSWORD

pytestmark = pytest.mark.req("PF-10")
DAY = timedelta(days=1)
LOGIN = "/api/v1/auth/login"


def test_sessions_go_a_month_after_they_ended_and_attempts_a_day_later(
    database: Database,
    browser: FlaskClient,
    make_account: Callable[..., str],
    clock: TestClock,
) -> None:
    email = make_account()
    assert browser.post(LOGIN, json={"email": email, "password": PASSWORD}).status_code == 200
    wrong = {"email": email, "password": "not this one"}
    assert browser.post(LOGIN, json=wrong).status_code == 401

    def left(after: timedelta) -> tuple[int, bool]:
        """Return the sessions of the account, and whether any attempt is counted."""
        for _ in retention.run(database, purges.rules(""), clock.now() + after):
            pass
        with database.transaction(EVERY_PRACTICE) as session:
            ours = text(
                "SELECT count(*) FROM sessions WHERE created_at >= :now AND account_id ="
                " (SELECT id FROM accounts ORDER BY created_at DESC, id LIMIT 1)"
            )
            attempts = text("SELECT count(*) FROM sign_in_attempts WHERE counted_at >= :now")
            now = {"now": clock.now()}
            return session.scalar(ours, now) or 0, bool(session.scalar(attempts, now))

    ends = timedelta(days=7)
    assert left(DAY - timedelta(minutes=1)) == (1, True)
    assert left(DAY + timedelta(minutes=1)) == (1, False)
    assert left(ends + 29 * DAY) == (1, False)
    assert left(ends + 31 * DAY) == (0, False)
