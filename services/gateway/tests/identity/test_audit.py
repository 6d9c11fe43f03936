"""The gateway's own audit entries: signing in and out, and accounts (spec PF-8)."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select

from attune_testing.clock import TestClock
from common import audit, ids
from common.audit import Entry
from common.db.database import Database
from gateway.identity import accounts
from services.gateway.tests.clinic import PASSWORD

pytestmark = [pytest.mark.req("PF-8", "GW-12")]
LOGIN = "/api/v1/auth/login"


class Browser:
    """A browser at an address of its own."""

    def __init__(self, app: Flask, address: str) -> None:
        self._client = app.test_client()
        self.address = address
        self.requests: list[str] = []
        self._headers: dict[str, str] = {}

    def call(self, method: str, path: str, **options: Any) -> Any:
        headers = {**self._headers, **options.pop("headers", {})}
        here = {"REMOTE_ADDR": self.address}
        answer = self._client.open(
            path, method=method, headers=headers, environ_base=here, **options
        )
        self.requests.append(answer.headers["X-Request-Id"])
        return answer

    def sign_in(self, email: str, password: str = PASSWORD) -> int:
        sent = self.call("POST", LOGIN, json={"email": email, "password": password})
        if sent.status_code == 200:
            self._headers = {"Authorization": f"Bearer {sent.get_json()['token']}"}
        return int(sent.status_code)


@pytest.fixture
def browser(app: Flask, address: str) -> Browser:
    return Browser(app, address)


@pytest.fixture
def somebody(app: Flask, database: Database, clock: TestClock) -> tuple[str, UUID, UUID]:
    """The email, id, and practice of a new account, encrypted with the app's keys."""
    email, practice = f"{ids.new()}@clinic.example", ids.new()
    made = accounts.create(
        database,
        clock,
        practice_id=practice,
        email=email,
        password=PASSWORD,
        roles=("owner", "clinician"),
    )
    return email, made, practice


def entries(database: Database, practice: UUID) -> list[Entry]:
    """Return the entries of a practice in the order in which they were written."""
    with database.transaction(practice) as session:
        own = select(Entry).where(Entry.practice_id == practice)
        return list(session.scalars(own.order_by(Entry.sequence)))


def told(entry: Entry) -> tuple[str, str, list[str], str, str]:
    return entry.subject, entry.action, entry.things, entry.request, entry.address


def test_an_account_is_created_with_its_roles(
    database: Database, clock: TestClock, somebody: tuple[str, UUID, UUID]
) -> None:
    email, account, practice = somebody
    other: dict[str, Any] = {"email": email, "password": PASSWORD, "roles": ("manager",)}
    with pytest.raises(accounts.AccountExists):
        accounts.create(database, clock, practice_id=practice, **other)
    [created] = entries(database, practice)
    assert told(created)[:3] == (
        "service:gateway",
        "account.create",
        [f"account:{account}", "role:clinician", "role:owner"],
    )


def test_signing_in_and_out_is_on_record(
    database: Database, browser: Browser, somebody: tuple[str, UUID, UUID]
) -> None:
    email, account, practice = somebody
    assert browser.sign_in(email, "a wrong password") == 401
    assert browser.sign_in(email) == 200
    [here] = browser.call("GET", "/api/v1/auth/sessions").get_json()["sessions"]
    assert browser.call("POST", "/api/v1/auth/logout").status_code == 204
    who, session = f"account:{account}", f"session:{here['id']}"
    _, *found = entries(database, practice)
    assert [told(entry)[:3] for entry in found] == [
        ("visitor", "sign_in.refused", [f"account:{account}"]),
        (who, "session.start", [session]),
        (who, "session.list", [session]),
        (who, "session.end", [session]),
    ]
    assert [entry.request for entry in found] == browser.requests
    assert {entry.address for entry in found} == {browser.address}


def test_a_session_that_is_ended_from_elsewhere_is_on_record(
    app: Flask, database: Database, browser: Browser, somebody: tuple[str, UUID, UUID]
) -> None:
    email, account, practice = somebody
    browser.sign_in(email)
    phone = Browser(app, "203.0.113.9")
    phone.sign_in(email)
    listed = browser.call("GET", "/api/v1/auth/sessions").get_json()["sessions"]
    other = next(one["id"] for one in listed if not one["current"])
    assert browser.call("DELETE", f"/api/v1/auth/sessions/{other}").status_code == 204
    revoked = entries(database, practice)[-1]
    assert told(revoked)[:3] == (f"account:{account}", "session.revoke", [f"session:{other}"])


@pytest.mark.req("GW-14")
def test_a_lockout_is_on_record_whether_or_not_there_is_such_an_account(
    make_app: Callable[..., Flask],
    database: Database,
    address: str,
    somebody: tuple[str, UUID, UUID],
) -> None:
    email, account, practice = somebody
    browser = Browser(make_app(sign_in_failures=2), address)
    nobody = f"{ids.new()}@clinic.example"
    for tried in (email, nobody):
        answers = [browser.sign_in(tried, "a wrong password") for _ in range(3)]
        assert answers == [401, 401, 429]
    own = [told(entry) for entry in entries(database, practice)[1:]]
    thing = [f"account:{account}"]
    refused, blocked = "sign_in.refused", "sign_in.blocked"
    assert own == [
        ("visitor", action, thing, request, address)
        for action, request in zip((refused, refused, blocked), browser.requests[:3], strict=True)
    ]
    with database.transaction(audit.NO_PRACTICE) as session:
        here = select(Entry).where(Entry.request.in_(browser.requests)).order_by(Entry.sequence)
        assert [(e.action, e.things) for e in session.scalars(here)] == [
            (refused, []),
            (refused, []),
            (blocked, []),
        ]


@pytest.mark.req("GW-12", "GW-14")
def test_nobody_signs_in_unrecorded(
    database: Database,
    browser: Browser,
    somebody: tuple[str, UUID, UUID],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    email, _, practice = somebody

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(audit, "record", fail)
    assert browser.sign_in(email) == 500
    monkeypatch.undo()
    assert browser.call("GET", "/api/v1/auth/sessions").status_code == 401
    assert [entry.action for entry in entries(database, practice)] == ["account.create"]


def test_every_answer_names_its_request(browser: Browser) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    sent = {"traceparent": f"00-{trace}-b7ad6b7169203331-00"}
    problem = browser.call("GET", "/api/v1/nothing", headers=sent)
    assert problem.headers["X-Request-Id"] == trace
    assert problem.get_json(force=True)["trace_id"] == trace
    browser.call("GET", "/healthz")
    browser.call("GET", "/", headers={"traceparent": "00-nonsense-1-00"})
    first, *made = browser.requests
    assert first == trace
    assert [len(one) for one in made] == [32, 32]
    assert len({*made, trace}) == 3


def test_what_a_gateway_recorded_is_sealed_when_it_ends(
    make_app: Callable[..., Flask],
    database: Database,
    clock: TestClock,
    address: str,
    somebody: tuple[str, UUID, UUID],
) -> None:
    email, _, practice = somebody
    app = make_app()
    Browser(app, address).sign_in(email)
    app.extensions["sealer"].stop()
    assert [entry.position is not None for entry in entries(database, practice)] == [True, True]
