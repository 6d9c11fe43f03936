"""The gateway in the test's own process, on a real database."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from common import crypto, identity, ids, local
from common.database import Database
from common.testing import TestClock
from gateway import accounts
from gateway.app import close, create_app
from gateway.settings import Settings

PASSWORD = "correct horse battery"
NOWHERE = "ipv4:127.0.0.1:1"  # nothing listens there
_ENCRYPTION, _INDEX = f"k1:{crypto.new_key()}", crypto.new_key()
_PRIVATE, _PUBLIC = identity.new_key_pair()


@pytest.fixture(scope="session")
def database(make_test_database: Callable[[str], Database]) -> Database:
    return make_test_database("gateway")


@pytest.fixture(scope="session")
def settings(database: Database) -> Settings:
    """Without any service behind it."""
    targets: dict[str, Any] = {f"{local.package(name)}_target": NOWHERE for name in local.SERVICES}
    return Settings(
        database_url=database.engine.url.render_as_string(hide_password=False),
        nats_url="",
        identity_key=_PRIVATE,
        identity_keys=f"gateway:{_PUBLIC}",
        encryption_keys=_ENCRYPTION,
        blind_index_key=_INDEX,
        session_key="a key that only the tests know, and all of them",
        public_url="http://localhost",
        environment="development",
        limit_requests="100000/minute",
        limit_writes="100000/minute",
        limit_public_writes="100000/minute",
        limit_sign_ins="100000/minute",
        **targets,
    )


@pytest.fixture
def clock() -> TestClock:
    return TestClock(datetime.now(UTC))


@pytest.fixture
def make_app(settings: Settings, clock: TestClock) -> Iterator[Callable[..., APIFlask]]:
    """`make_app(limit_writes="1/minute")` is the application with other settings."""
    made: list[APIFlask] = []

    def make(**changes: Any) -> APIFlask:
        app = create_app(replace(settings, **changes))
        app.extensions["clock"] = clock
        app.extensions["limiter"]._clock = clock
        made.append(app)
        return app

    yield make
    for app in made:
        close(app)


@pytest.fixture
def app(make_app: Callable[..., APIFlask]) -> APIFlask:
    return make_app()


@pytest.fixture
def browser(app: APIFlask) -> FlaskClient:
    """Keeps cookies, as browsers do."""
    return app.test_client()


@pytest.fixture
def make_account(database: Database, clock: TestClock, app: APIFlask) -> Callable[..., str]:
    """`make_account("manager")` is the e-mail of a new account of a new practice."""

    def make(*roles: str, provider_id: Any = None) -> str:
        email = f"{ids.new()}@clinic.example"
        accounts.create(
            database,
            clock,
            practice_id=ids.new(),
            email=email,
            password=PASSWORD,
            roles=roles or ("owner",),
            provider_id=provider_id,
        )
        return email

    return make
