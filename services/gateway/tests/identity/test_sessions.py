"""Signing in, staying signed in, signing out."""

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from statistics import median
from typing import Any

import pytest
from flask import Flask, Response
from flask.testing import FlaskClient
from sqlalchemy import select

from attune_testing.clock import TestClock
from attune_testing.concurrency import at_once
from common import ids
from common.db.database import EVERY_PRACTICE, Database
from common.emails import InvalidEmail
from common.errors import NotAllowed
from gateway.identity import accounts, csrf, store, visitors
from gateway.identity.accounts import AccountExists, InvalidName, InvalidRole
from gateway.identity.passwords import WeakPassword
from services.gateway.tests.clinic import PASSWORD

LOGIN = "/api/v1/auth/login"
SESSIONS = "/api/v1/auth/sessions"


def log_in(
    browser: FlaskClient, email: str, password: str = PASSWORD, address: str = "127.0.0.1"
) -> Any:
    return browser.post(
        LOGIN,
        json={"email": email, "password": password},
        environ_base={"REMOTE_ADDR": address},
    )


def reason(answer: Any) -> str:
    return str(answer.get_json(force=True)["reason"])


@pytest.mark.req("GW-12", "GW-4")
def test_signing_in_answers_with_a_token_and_a_cookie(
    browser: FlaskClient, make_account: Callable[..., str]
) -> None:
    answer = log_in(browser, make_account())
    assert answer.status_code == 200
    assert set(answer.json) == {"token"}
    cookie = next(c for c in answer.headers.getlist("Set-Cookie") if c.startswith("attune_session"))
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/" in cookie
    assert browser.get(SESSIONS).status_code == 200, "by the cookie"


@pytest.mark.req("GW-12")
def test_a_bearer_token_needs_no_cookie(
    app: Flask, browser: FlaskClient, make_account: Callable[..., str]
) -> None:
    token = log_in(browser, make_account()).json["token"]
    mobile = app.test_client()
    assert mobile.get(SESSIONS).status_code == 401
    headers = {"Authorization": f"Bearer {token}"}
    assert mobile.get(SESSIONS, headers=headers).get_json()["sessions"][0]["current"] is True
    assert mobile.get(SESSIONS, headers={"Authorization": "Bearer x"}).status_code == 401


@pytest.mark.req("GW-12")
def test_over_tls_the_cookie_belongs_to_this_host_alone(
    make_app: Callable[..., Flask], make_account: Callable[..., str]
) -> None:
    app = make_app(public_url="https://attune.example")
    answer = app.test_client().post(
        LOGIN,
        json={"email": make_account(), "password": PASSWORD},
        base_url="https://attune.example",
    )
    cookies = answer.headers.getlist("Set-Cookie")
    assert {re.match("[^=]*", cookie).group() for cookie in cookies} == {  # type: ignore[union-attr]  # the pattern always matches
        "__Host-attune_session",
        "__Host-attune_device",
    }
    assert all("Secure" in cookie for cookie in cookies)


@pytest.mark.req("GW-12")
def test_sessions_are_listed_and_revoked(
    app: Flask, browser: FlaskClient, make_account: Callable[..., str]
) -> None:
    email, phone, stranger = make_account(), app.test_client(), app.test_client()
    log_in(browser, email)
    log_in(phone, email)
    log_in(stranger, make_account())
    stranger.environ_base["HTTP_SEC_FETCH_SITE"] = "same-origin"
    listed = browser.get(SESSIONS).get_json()["sessions"]
    assert sorted(one["current"] for one in listed) == [False, True]
    other = next(one["id"] for one in listed if not one["current"])
    assert stranger.delete(f"{SESSIONS}/{other}").status_code == 404, "somebody else's"
    assert browser.delete(f"{SESSIONS}/{other}").status_code == 204
    assert phone.get(SESSIONS).status_code == 401
    assert browser.delete(f"{SESSIONS}/{other}").status_code == 404
    assert browser.delete(f"{SESSIONS}/nonsense").status_code == 404
    assert len(browser.get(SESSIONS).get_json()["sessions"]) == 1


@pytest.mark.req("GW-12")
def test_signing_out_ends_the_session(
    browser: FlaskClient, make_account: Callable[..., str]
) -> None:
    token = log_in(browser, make_account()).json["token"]
    assert browser.post("/api/v1/auth/logout").status_code == 204
    assert browser.get(SESSIONS).status_code == 401
    headers = {"Authorization": f"Bearer {token}"}
    assert browser.get(SESSIONS, headers=headers).status_code == 401


@pytest.mark.req("GW-12")
def test_a_session_ends_when_unused_and_after_its_days(
    app: Flask, clock: TestClock, make_account: Callable[..., str]
) -> None:
    email = make_account()
    idle, busy = app.test_client(), app.test_client()
    log_in(idle, email)
    log_in(busy, email)
    for _ in range(16):
        clock.advance(timedelta(hours=10))
        assert busy.get(SESSIONS).status_code == 200
    assert idle.get(SESSIONS).status_code == 401
    clock.advance(timedelta(hours=10))
    assert busy.get(SESSIONS).status_code == 401, "after seven days"


@pytest.mark.req("GW-12")
def test_a_disabled_account_is_out_at_once(
    browser: FlaskClient,
    database: Database,
    clock: TestClock,
    make_account: Callable[..., str],
) -> None:
    email = make_account()
    log_in(browser, email)
    with database.transaction(EVERY_PRACTICE) as session:
        account = store.find(session, accounts.index(email))
        assert account is not None
        account.disabled_at = clock.now()
    assert browser.get(SESSIONS).status_code == 401
    assert reason(log_in(browser, email)) == "WRONG_CREDENTIALS"


@pytest.mark.req("GW-12", "GW-14")
def test_a_password_is_stored_as_argon2id_and_nothing_personal_in_clear(
    database: Database, browser: FlaskClient, make_account: Callable[..., str]
) -> None:
    email = make_account()
    token = log_in(browser, email).json["token"]
    with database.engine.connect() as connection:
        connection.exec_driver_sql("SELECT set_config('attune.practice', '*', false)")
        tables = store.Base.metadata.sorted_tables
        rows = str([connection.execute(select(table)).all() for table in tables])
    assert "$argon2id$" in rows
    for secret in (email, PASSWORD, token, "Werkzeug"):
        assert secret not in rows


@pytest.mark.req("GW-14")
def test_an_unknown_account_and_a_wrong_password_are_answered_alike(
    make_app: Callable[..., Flask], make_account: Callable[..., str]
) -> None:
    browser = make_app(sign_in_failures=1000, sign_in_failures_by_address=1000).test_client()
    email = make_account()

    def timed(who: str) -> tuple[float, Any]:
        began = time.perf_counter()
        answer = log_in(browser, who, "not the password").get_json(force=True)
        took = time.perf_counter() - began
        del answer["trace_id"]
        return took, answer

    pairs = [(timed(email), timed("nobody@clinic.example")) for _ in range(15)]
    assert all(known[1] == unknown[1] for known, unknown in pairs)
    known, unknown = (median(pair[n][0] for pair in pairs) for n in (0, 1))
    assert 0.5 < known / unknown < 2


@pytest.mark.req("GW-12")
def test_failures_block_the_account_only_from_where_they_come(
    app: Flask, clock: TestClock, address: str, make_account: Callable[..., str]
) -> None:
    email, attacker, owner = make_account(), app.test_client(), app.test_client()
    for _ in range(10):
        assert reason(log_in(attacker, email, "a guess", address)) == "WRONG_CREDENTIALS"
    blocked = log_in(attacker, email, PASSWORD, address)
    assert (blocked.status_code, reason(blocked)) == (429, "TOO_MANY_ATTEMPTS")
    assert int(blocked.headers["Retry-After"]) >= 1
    assert log_in(owner, email, address="192.0.2.1").status_code == 200

    waits = []
    for _ in range(12):
        answer = log_in(attacker, email, "a guess", address)
        waits.append(int(answer.headers.get("Retry-After", 0)))
        clock.advance(timedelta(seconds=waits[-1] or 0.001))
    assert [wait for wait in waits if wait] == [1, 2, 4, 8, 16, 32]


@pytest.mark.req("GW-12")
def test_a_known_browser_keeps_access_where_attackers_share_its_address(
    app: Flask, address: str, make_account: Callable[..., str]
) -> None:
    email, owner, attacker = make_account(), app.test_client(), app.test_client()
    log_in(owner, email, address=address)
    owner.post("/api/v1/auth/logout")
    for _ in range(11):
        last = log_in(attacker, email, "a guess", address)
    assert reason(last) == "TOO_MANY_ATTEMPTS"
    assert reason(log_in(app.test_client(), email, address=address)) == "TOO_MANY_ATTEMPTS"
    assert log_in(owner, email, address=address).status_code == 200


@pytest.mark.req("GW-12")
def test_trying_many_accounts_blocks_the_address(
    make_app: Callable[..., Flask], address: str, make_account: Callable[..., str]
) -> None:
    app = make_app(sign_in_failures_by_address=5)
    browser, own = app.test_client(), make_account()
    for number in range(5):
        log_in(app.test_client(), f"guess{number}@clinic.example", "a guess", address)
        # A password of one's own that is right makes up for no other failure.
        if number < 4:
            assert log_in(app.test_client(), own, address=address).status_code == 200
    assert reason(log_in(browser, own, address=address)) == "TOO_MANY_ATTEMPTS"


@pytest.mark.req("GW-12")
def test_many_attempts_at_once_are_not_judged_for_free(
    app: Flask, address: str, make_account: Callable[..., str]
) -> None:
    email = make_account()

    def guess(_: int) -> str:
        return reason(log_in(app.test_client(), email, "a guess", address))

    with ThreadPoolExecutor(8) as crowd:
        answers = list(crowd.map(guess, range(24)))
    assert answers.count("WRONG_CREDENTIALS") == 10


@pytest.mark.req("GW-14")
def test_form_tokens_belong_to_one_session(app: Flask) -> None:
    with app.test_request_context("/"):
        app.preprocess_request()
        token, again = csrf.token(), csrf.token()
        cookie = visitors.remember(Response()).headers["Set-Cookie"].partition(";")[0]
    assert not any(token[at : at + 6] in again for at in range(len(token) - 6)), "no part is alike"
    mine = {"Cookie": cookie}
    changed = f"{token[:-3]}{'B' if token[-3] == 'A' else 'A'}{token[-2:]}"
    wrong = [("", mine), ("=", mine), ("é", mine), (token[:-4], mine), (changed, mine), (token, {})]
    for sent, theirs in ((token, mine), (again, mine), *wrong):
        with app.test_request_context(
            "/", method="POST", data={"csrf_token": sent}, headers=theirs
        ):
            if sent in (token, again) and theirs:
                csrf.require()
            else:
                with pytest.raises(NotAllowed):
                    csrf.require()


@pytest.mark.req("GW-12")
def test_an_email_is_one_account(database: Database, clock: TestClock, app: Flask) -> None:
    email, practice = f"Owner.{ids.new()}@Clinic.example", ids.new()

    def create(password: str, practice_id: Any) -> Any:
        return accounts.create(
            database,
            clock,
            practice_id=practice_id,
            email=email,
            password=password,
            roles=("owner",),
        )

    made = at_once([partial(create, PASSWORD, practice)] * 8)
    assert [isinstance(one, AccountExists) for one in made].count(False) == 1
    with pytest.raises(AccountExists):
        create("another password", ids.new())
    browser = app.test_client()
    assert log_in(browser, email.upper()).status_code == 200
    assert log_in(browser, email, "another password").status_code == 401


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"email": "nobody"}, InvalidEmail),
        ({"roles": ()}, InvalidRole),
        ({"roles": ("king",)}, InvalidRole),
        ({"password": "short"}, WeakPassword),
        ({"password": "x" * 201}, WeakPassword),
        ({"name": "x" * 201}, InvalidName),
    ],
)
def test_an_account_is_made_of_valid_parts(
    database: Database, clock: TestClock, changes: dict[str, Any], error: type[Exception]
) -> None:
    valid: dict[str, Any] = {"email": "a@clinic.example", "password": PASSWORD, "roles": ("owner",)}
    with pytest.raises(error):
        accounts.create(database, clock, practice_id=ids.new(), **{**valid, **changes})
