"""Rate limits."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from attune_testing.clock import TestClock
from common import ids
from common.config import Misconfigured
from common.db.database import Database
from gateway.web import rate_limits

LOGIN = "/api/v1/auth/login"
MISSING = {"email": f"nobody-{ids.new().hex}@clinic.example", "password": "whatever it was"}
AWAY = "postgresql://nobody@127.0.0.1:1/none"


def sign_in(app: Flask, address: str) -> tuple[int, str]:
    answer = app.test_client().post(LOGIN, json=MISSING, environ_base={"REMOTE_ADDR": address})
    return answer.status_code, answer.get_json(force=True)["reason"]


@pytest.mark.req("GW-14")
def test_writes_are_limited_for_all_replicas_together(
    make_app: Callable[..., Flask], address: str
) -> None:
    replicas = [make_app(limit_sign_ins="6/minute", sign_in_failures=100) for _ in range(2)]
    with ThreadPoolExecutor(8) as crowd:
        answers = list(crowd.map(lambda n: sign_in(replicas[n % 2], address), range(16)))
    assert answers.count((401, "WRONG_CREDENTIALS")) == 6
    assert answers.count((429, "TOO_MANY_REQUESTS")) == 10


@pytest.mark.req("GW-14")
def test_a_limit_says_when_it_ends_and_ends_then(
    make_app: Callable[..., Flask], clock: TestClock, address: str
) -> None:
    app = make_app(limit_sign_ins="1/minute;100/hour")
    browser, peer = app.test_client(), {"REMOTE_ADDR": address}
    first = browser.post(LOGIN, json=MISSING, environ_base=peer)
    assert first.headers["RateLimit-Limit"] == "1"
    assert first.headers["RateLimit-Remaining"] == "0"
    clock.advance(timedelta(seconds=20))
    refused = browser.post(LOGIN, json=MISSING, environ_base=peer)
    assert refused.status_code == 429
    assert refused.headers["Retry-After"] == refused.headers["RateLimit-Reset"] == "40"
    assert sign_in(app, "2001:db8:1::1")[0] == 401, "others are not meant"
    clock.advance(timedelta(seconds=40))
    assert sign_in(app, address)[0] == 401


@pytest.mark.req("GW-14")
def test_a_clock_that_is_set_back_shuts_nobody_out(
    make_app: Callable[..., Flask], clock: TestClock, address: str
) -> None:
    app = make_app(limit_sign_ins="1/minute", limit_requests="3/minute")
    clock.advance(timedelta(days=1))
    assert [sign_in(app, address)[0] for _ in range(4)] == [401, 429, 429, 429]
    clock.advance(-timedelta(days=1))
    assert [sign_in(app, address)[0] for _ in range(2)] == [401, 429]


@pytest.mark.req("GW-14")
def test_requests_are_limited_in_each_process(
    make_app: Callable[..., Flask], clock: TestClock
) -> None:
    browser = make_app(limit_requests="3/minute").test_client()
    assert [browser.get("/api/v1/nothing").status_code for _ in range(5)] == [404] * 3 + [429] * 2
    assert browser.get("/healthz").status_code == 200, "probes are not counted"
    clock.advance(timedelta(minutes=1))
    assert browser.get("/api/v1/nothing").status_code == 404


@pytest.mark.req("SL-9", "PF-13")
def test_without_a_database_writes_fail_and_reads_go_on(
    make_app: Callable[..., Flask],
) -> None:
    app = make_app(database_url=AWAY)
    assert sign_in(app, "2001:db8::1") == (503, "UNAVAILABLE")
    # As far as availability, which is not there in this test.
    answer = app.test_client().get("/api/v1/providers/demo")
    assert answer.get_json(force=True)["reason"] == "UNAVAILABLE"
    assert app.test_client().get("/api/v1/openapi.json").status_code == 200


def test_old_counts_are_dropped(
    make_app: Callable[..., Flask], clock: TestClock, database: Database, address: str
) -> None:
    app = make_app(limit_sign_ins="5/minute")
    sign_in(app, address)
    clock.advance(timedelta(minutes=11))
    sign_in(app, address)
    with database.engine.connect() as connection:
        old = connection.exec_driver_sql(
            "SELECT count(*) FROM rate_limits WHERE ends_at < %s", (clock.now(),)
        ).scalar_one()
    assert old == 0


def test_a_limit_that_cannot_be_read_stops_the_start(make_app: Callable[..., Flask]) -> None:
    with pytest.raises(Misconfigured, match="LIMIT_WRITES"):
        make_app(limit_writes="many")


def test_static_files_are_not_counted(make_app: Callable[..., Flask]) -> None:
    browser: FlaskClient = make_app(limit_requests="1/minute").test_client()
    for _ in range(3):
        with browser.get("/static/attune.css") as answer:
            assert answer.status_code == 200


@pytest.mark.req("PF-13")
def test_callers_beyond_count_take_no_more_memory(
    make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limits, "_MOST_CALLERS", 100)
    app = make_app(limit_requests="1/minute;5/hour")
    for number in range(1, 500):
        peer = {"REMOTE_ADDR": f"2001:db8:{number:x}::1"}
        assert app.test_client().get("/api/v1/nothing", environ_base=peer).status_code == 404
    assert app.test_client().get("/api/v1/nothing", environ_base=peer).status_code == 429
    assert len(app.extensions["limiter"]._callers) <= 102


@pytest.mark.req("PF-13")
def test_removing_old_counts_waits_for_nobody(
    make_app: Callable[..., Flask],
    clock: TestClock,
    database: Database,
    address: str,
) -> None:
    """Old rows that another transaction holds stay; all others are removed, even if nobody signs
    in."""
    app = make_app(limit_sign_ins="100/minute")
    for number in range(6):
        sign_in(app, f"{address[:-1]}{number}")
    clock.advance(timedelta(days=2))
    then = clock.now() - timedelta(hours=30)
    old = "SELECT key FROM rate_limits WHERE ends_at < %s"
    with database.engine.connect() as other, ThreadPoolExecutor(1) as one:
        held = other.exec_driver_sql(f"{old} LIMIT 1 FOR UPDATE", (then,)).scalar_one()
        answer = one.submit(sign_in, app, address.replace("2001:db8", "2001:db9")).result(60)
        assert answer == (401, "WRONG_CREDENTIALS")
        left = other.exec_driver_sql(old, (then,)).scalars().all()
        assert left == [held]
