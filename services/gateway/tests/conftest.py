"""The gateway in the test's own process, on a real database."""

import secrets
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import IPv6Address
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from attune.availability.v1 import availability_pb2 as messages
from attune.availability.v1.practice_service_pb2 import CreatePracticeRequest
from attune.availability.v1.provider_service_pb2 import CreateProviderRequest
from attune_local.stack import Stack
from attune_testing.clock import TestClock
from attune_testing.fixtures import BLIND_INDEX_KEY, ENCRYPTION_KEYS
from attune_testing.stubs import AvailabilityStub
from common import ids
from common.db.database import Database
from common.rpc import identity
from common.services import OPERATOR, SERVICES, package
from gateway.app import close, create_app
from gateway.identity import accounts
from gateway.settings import Settings

sys.path.append(str(Path(__file__).parents[3]))

from services.gateway.tests.clinic import PASSWORD, Api, Practice  # importable now
from tests.world import PATIENT

NOWHERE = "ipv4:127.0.0.1:1"  # nothing listens there
_PRIVATE, _PUBLIC = identity.new_key_pair()


@pytest.fixture(scope="session")
def database(make_test_database: Callable[[str], Database]) -> Database:
    return make_test_database("gateway")


@pytest.fixture(scope="session")
def settings(database: Database) -> Settings:
    """Settings without any service behind the gateway."""
    targets: dict[str, Any] = {f"{package(name)}_target": NOWHERE for name in SERVICES}
    waits: dict[str, Any] = {name.lower(): int(seconds) for name, seconds in PATIENT.items()}
    return Settings(
        database_url=database.engine.url.render_as_string(hide_password=False),
        nats_url="",
        identity_key=_PRIVATE,
        identity_keys=f"gateway:{_PUBLIC}",
        encryption_keys=ENCRYPTION_KEYS,
        blind_index_key=BLIND_INDEX_KEY,
        session_key="a key that only the tests know, and all of them",
        public_url="http://localhost",
        environment="development",
        limit_requests="100000/minute",
        limit_writes="100000/minute",
        limit_public_writes="100000/minute",
        limit_sign_ins="100000/minute",
        **targets,
        **waits,
    )


@pytest.fixture
def clock() -> TestClock:
    return TestClock(datetime.now(UTC))


@pytest.fixture
def address() -> str:
    """An address that no other test uses."""
    return str(IPv6Address("2001:db8::1") + (secrets.randbits(32) << 64))


@pytest.fixture
def make_app(settings: Settings, clock: TestClock) -> Iterator[Callable[..., Flask]]:
    """`make_app(limit_writes="1/minute")` is the application with other settings."""
    made: list[Flask] = []

    def make(**changes: Any) -> Flask:
        app = create_app(replace(settings, **changes))
        app.extensions["clock"] = clock
        app.extensions["limiter"]._clock = clock
        made.append(app)
        return app

    yield make
    for app in made:
        close(app)


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app()


@pytest.fixture
def browser(app: Flask) -> FlaskClient:
    """A test client that keeps cookies and sends `Sec-Fetch-Site`, as browsers do."""
    client = app.test_client()
    client.environ_base["HTTP_SEC_FETCH_SITE"] = "same-origin"
    return client


@pytest.fixture
def make_account(database: Database, clock: TestClock, app: Flask) -> Callable[..., str]:
    """`make_account("manager")` is the email of a new account of a new practice."""

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


@pytest.fixture(scope="session")
def make_practice(stack: Stack) -> Callable[[], Practice]:
    availability = AvailabilityStub(stack.operator_channel("availability"))

    def make() -> Practice:
        username = f"dana-{ids.new().hex[:8]}"
        operator = identity.Identity(f"service:{OPERATOR}")
        with identity.acting_as(operator):
            practice = availability.CreatePractice(
                CreatePracticeRequest(
                    practice=messages.Practice(
                        name="Clinic",
                        timezone="America/New_York",
                        currency_code="USD",
                        address="1 Main Street",
                    )
                )
            ).practice
        with identity.acting_as(replace(operator, practice_id=practice.practice_id)):
            provider = availability.CreateProvider(
                CreateProviderRequest(
                    provider=messages.Provider(
                        username=username,
                        display_name="Dana Doe",
                        timezone="America/New_York",
                        email="dana@clinic.example",
                    )
                )
            ).provider
        made = Practice(
            stack, practice.practice_id, provider.provider_id, username, Api(stack.url), Api("")
        )
        made.owner = made.account("owner")
        made.owner.post(
            "/service-types",
            {
                "slug": "talk",
                "title": "A talk",
                "duration_minutes": 50,
                "modes": ["telehealth", "in_person"],
                "price": {"minor_units": 15000, "currency": "USD"},
            },
            201,
        )
        week = [{"day": day, "start": "09:00", "end": "17:00"} for day in range(5)]
        version = made.owner.get(f"{made.path}/hours")["version"]
        saved = made.owner.send("PUT", f"{made.path}/hours", {"version": version, "blocks": week})
        assert saved.status_code == 200, saved.text
        return made

    return make


@pytest.fixture(scope="module")
def practice(make_practice: Callable[[], Practice]) -> Practice:
    """A practice of a module's own, for tests that do not change its set-up."""
    return make_practice()
