"""Every kind of caller of the gateway: staff and clients of a practice, the owner of another
practice, and people who belong to none."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from attune_local.stack import Stack
from attune_operator.up import environment_of
from attune_testing import builders
from attune_testing.builders import PASSWORD, ZONE
from attune_testing.stubs import AvailabilityStub
from common.db import encryption
from common.services import GATEWAY
from gateway.app import close, create_app
from gateway.settings import Settings
from tests.world import Http, World, token_of

STAFF = ("clinician", "colleague", "supervisor", "manager", "owner", "foreign")
CALLERS = ("anonymous", "client", "other", *STAFF, "stolen")
"""`client` holds the manage link of the very booking, `other` that of another booking of the same
practice; `clinician` is the provider, `colleague` another one; `foreign` owns another practice;
`stolen` presents a token that opens nothing."""


@dataclass
class People:
    """A practice with two providers, one account of each role, and another practice."""

    world: World
    elsewhere: World
    tokens: dict[str, str]
    """Of the sessions of whoever is signed in, by caller."""
    emails: dict[str, str]
    providers: dict[str, tuple[str, str]]
    """Id and username of the providers that `clinician` and `colleague` are."""
    _starts: dict[str, Iterator[str]] = field(default_factory=dict)

    @classmethod
    def make(cls, stack: Stack, **policies: Any) -> "People":
        """Create both practices under these policies; one can be booked 60 days ahead, the other
        61."""
        world = World.make(stack, maximum_advance_days=60, **policies)
        elsewhere = World.make(stack, maximum_advance_days=61, **policies)
        providers = {
            "clinician": (world.provider_id, world.username),
            "colleague": add_provider(world),
        }
        emails, tokens = {}, {}
        for name in STAFF:
            at = elsewhere if name == "foreign" else world
            role = {"colleague": "clinician", "foreign": "owner"}.get(name, name)
            emails[name] = add_account(at, role, provider_id=providers.get(name, ("",))[0])
            tokens[name] = sign_in(at, emails[name])
        tokens["stolen"] = secrets.token_urlsafe(32)
        return cls(world, elsewhere, tokens, emails, providers)

    def as_(self, caller: str) -> Http:
        """Return the API as this caller, signed in if the caller can sign in."""
        return Http(self.world.stack.url, self.tokens.get(caller, ""))

    def start(self, username: str = "") -> str:
        """Return a free start, a different one at each call."""
        username = username or self.world.username
        if username not in self._starts:
            self._starts[username] = starts(self.world, username)
        return next(self._starts[username])

    def book(self, username: str = "", **changes: Any) -> dict[str, Any]:
        """Book for a new client; `token` is that of the manage link."""
        username = username or self.world.username
        body = self.world.request(self.start(username), **changes)
        made = self.world.public.post(f"/providers/{username}/bookings", body, status=201)
        return {**made, "token": token_of(made["manage_url"])}


def routes(stack: Stack) -> list[tuple[str, str]]:
    """Return method and rule of everything that the gateway serves."""
    before = encryption.ring()
    app = create_app(Settings.from_env(stack.environment(GATEWAY, stack.port)))
    try:
        return [
            (method, rule.rule)
            for rule in app.url_map.iter_rules()
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
        ]
    finally:
        close(app)
        encryption.use(before)


def add_provider(world: World) -> tuple[str, str]:
    """Return the id and username of one more provider of a practice, with the same hours."""
    stub = AvailabilityStub(world.stack.operator_channel("availability"))
    made = builders.provider(stub, world.practice_id, display_name="Carol Colleague")
    return made.provider_id, made.username


def add_account(world: World, *roles: str, provider_id: str = "") -> str:
    """Return the email of a new account of a practice; its password is PASSWORD."""
    environment = environment_of(world.stack)
    return builders.account(environment, world.practice_id, *roles, provider_id=provider_id)


def sign_in(world: World, email: str) -> str:
    """Sign in, and return the token of the new session."""
    login = {"email": email, "password": PASSWORD}
    token: str = world.public.post("/auth/login", login)["token"]
    return token


def starts(world: World, username: str) -> Iterator[str]:
    """Yield free starts of the next weeks that do not overlap, from two days ahead."""
    first = datetime.now().date() + timedelta(days=2)
    query = {"service": "session", "mode": "telehealth", "tz": ZONE}
    window = {"from": first.isoformat(), "to": (first + timedelta(days=50)).isoformat()}
    found = world.public.get(f"/providers/{username}/slots", **query, **window)
    free_from = ""
    for day in found["days"]:
        for slot in day["slots"]:
            if slot["start"] >= free_from:
                free_from = slot["end"]
                yield slot["start"]
