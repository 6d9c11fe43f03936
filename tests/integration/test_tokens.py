"""Forged, stolen, expired, and edited tokens: between services, where identities are signed, and at
the gateway, where sessions and links are random."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import grpc
import jwt
import psycopg
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from attune_local.stack import Stack
from attune_testing import identities
from common import ids
from common.rpc.identity import LIFETIME, METADATA, VISITOR, Signer, new_key_pair
from common.services import GATEWAY, OPERATOR
from tests.people import add_account, sign_in
from tests.world import Http, World, token_of

# One RPC of every service that the owner of a practice may call.
ASKED = {
    "availability": "/attune.availability.v1.PhysicalRoomService/ListPhysicalRooms",
    "booking": "/attune.booking.v1.ClientService/ListClients",
    "telehealth-rooms": "/attune.telehealth_rooms.v1.RoomService/GetRoom",
    "notifications": "/attune.notifications.v1.NoticeService/ListFailedNotices",
    "billing": "/attune.billing.v1.BillableService/ListBillables",
    "calendar-sync": "/attune.calendar_sync.v1.FeedService/GetFeed",
}
_PAST_LEEWAY = 60  # seconds


class Forger:
    """Makes valid and forged tokens."""

    def __init__(self, stack: Stack) -> None:
        self._keys = stack.secrets.identity_keys
        self.session_key = stack.secrets.session_key
        self.owner = identities.staff(ids.new(), "owner")
        self.valid = self.signer().sign(self.owner)

    def key(self, name: str = GATEWAY) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(base64.b64decode(self._keys[name][0]))

    def public(self) -> bytes:
        """Return the gateway's public key, which is not secret."""
        return base64.b64decode(self._keys[GATEWAY][1])

    def signer(self, name: str = GATEWAY) -> Signer:
        return Signer(name, self._keys[name][0])

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Return the claims of a valid token with changes; a claim that is changed to None is
        removed."""
        now = int(time.time())
        valid = {
            "iss": GATEWAY,
            "sub": self.owner.subject,
            "prc": self.owner.practice_id,
            "rol": ["owner"],
            "prv": "",
            "cli": "",
            "bkg": "",
            "iat": now,
            "exp": now + LIFETIME,
        }
        return {k: v for k, v in {**valid, **changes}.items() if v is not None}

    def signed(self, by: str = GATEWAY, **claims: Any) -> str:
        """Return a token signed with this issuer's key, whatever it claims."""
        return jwt.encode(self.claims(**claims), self.key(by), "EdDSA")

    def raw(self, header: dict[str, Any], payload: Any, sign: Callable[[bytes], bytes]) -> str:
        """Return a token assembled by hand."""
        text = f"{_part(header)}.{_part(payload)}"
        return f"{text}.{_encoded(sign(text.encode()))}"

    def mac(self, key: bytes) -> str:
        """Return a token signed with a shared secret, such as the public key."""

        def sign(text: bytes) -> bytes:
            return hmac.digest(key, text, hashlib.sha256)

        return self.raw({"alg": "HS256", "typ": "JWT"}, self.claims(), sign)

    def edited(self, **changes: Any) -> str:
        """Return a valid token whose claims were changed under its old signature."""
        header, _, signature = self.valid.split(".")
        old = jwt.decode(self.valid, options={"verify_signature": False})
        return f"{header}.{_part({**old, **changes})}.{signature}"


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _part(value: Any) -> str:
    return _encoded(json.dumps(value).encode())


Forgery = Callable[[Forger], str]
_STRANGER = Ed25519PrivateKey.generate()
_JWK = {
    "kty": "OKP",
    "crv": "Ed25519",
    "x": _encoded(_STRANGER.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)),
}


def _by_stranger(forger: Forger, **headers: Any) -> str:
    return jwt.encode(forger.claims(), _STRANGER, "EdDSA", headers=headers)


def _with_elliptic_curve(forger: Forger) -> str:
    return jwt.encode(forger.claims(), ec.generate_private_key(ec.SECP256R1()), "ES256")


def _now() -> int:
    return int(time.time())


FORGERIES: dict[str, Forgery] = {
    # Not signed by whom it says
    "no signature": lambda f: f.valid.rpartition(".")[0] + ".",
    "the signature of another token": lambda f: ".".join(
        [*f.valid.split(".")[:2], f.signer().sign(VISITOR).rpartition(".")[2]]
    ),
    "a bit of the signature flipped": lambda f: f.valid[:-3] + ("A" * 3),
    "alg none": lambda f: f.raw({"alg": "none"}, f.claims(), lambda _: b""),
    "alg None": lambda f: f.raw({"alg": "None"}, f.claims(), lambda _: b""),
    "no alg": lambda f: f.raw({"typ": "JWT"}, f.claims(), f.key().sign),
    "a stranger's key": _by_stranger,
    "a stranger's key, brought along": lambda f: _by_stranger(f, jwk=_JWK),
    "a stranger's key, to be fetched": lambda f: _by_stranger(
        f, jku="http://evil.example/keys", x5u="http://evil.example/chain"
    ),
    "a stranger's key by a name with a path": lambda f: _by_stranger(f, kid="../../dev/null"),
    "the public key as a shared secret": lambda f: f.mac(f.public()),
    "the public key's text as a shared secret": lambda f: f.mac(base64.b64encode(f.public())),
    "the session key as a shared secret": lambda f: f.mac(f.session_key.encode()),
    "no shared secret": lambda f: f.mac(b""),
    "another curve": _with_elliptic_curve,
    "a header that must be understood": lambda f: f.raw(
        {"alg": "EdDSA", "crit": ["evil"], "evil": True}, f.claims(), f.key().sign
    ),
    # Edited
    "another practice": lambda f: f.edited(prc=str(ids.new())),
    "more roles": lambda f: f.edited(rol=["owner", "manager"]),
    "another subject": lambda f: f.edited(sub="service:operator"),
    "a longer life": lambda f: f.edited(exp=_now() + 10**6),
    # Signed, but by one who may not say so
    "booking speaks for a person": lambda f: f.signed("booking", iss="booking"),
    "booking speaks as the gateway": lambda f: f.signed("booking"),
    "booking speaks for billing": lambda f: f.signed(
        "booking", iss="booking", sub="service:billing"
    ),
    "booking speaks as the operator": lambda f: f.signed(
        "booking", iss="booking", sub=f"service:{OPERATOR}"
    ),
    "the operator speaks for a person": lambda f: f.signed(OPERATOR, iss=OPERATOR),
    "the operator speaks as the gateway": lambda f: f.signed(OPERATOR),
    # Not in its time
    "expired": lambda f: f.signed(exp=_now() - _PAST_LEEWAY),
    "never expires": lambda f: f.signed(exp=None),
    "of the future": lambda f: f.signed(iat=_now() + _PAST_LEEWAY, exp=_now() + 2 * _PAST_LEEWAY),
    "of no time": lambda f: f.signed(iat=None),
    "not valid yet": lambda f: f.signed(nbf=_now() + _PAST_LEEWAY),
    "lives for a year": lambda f: f.signed(exp=_now() + 365 * 86400),
    # Not well formed, though signed
    "no issuer": lambda f: f.signed(iss=None),
    "an unknown issuer": lambda f: f.signed(iss="evil"),
    "a list of issuers": lambda f: f.raw(
        {"alg": "EdDSA"}, {**f.claims(), "iss": [GATEWAY]}, f.key().sign
    ),
    "no subject": lambda f: f.signed(sub=None),
    "every practice": lambda f: f.signed(prc="*"),
    "a practice that is none": lambda f: f.signed(prc="' OR true --"),
    "a role that is none": lambda f: f.signed(rol=["owner", "king"]),
    "a role as text": lambda f: f.signed(rol="owner"),
    "a provider that is none": lambda f: f.signed(prv="1"),
    "a subject of no kind": lambda f: f.signed(sub=f"king:{ids.new()}"),
    "claims that are a list": lambda f: f.raw({"alg": "EdDSA"}, [1], f.key().sign),
    # No token at all
    "nothing": lambda _: "",
    "a word": lambda _: "token",
    "three dots": lambda _: "...",
    "deeply nested claims": lambda _: f"{_part({'alg': 'EdDSA'})}.{_encoded(b'[' * 5000)}.AA",
    "a deeply nested header": lambda _: f"{_encoded(b'[' * 5000)}.{_part({})}.AA",
}


@pytest.fixture(scope="module")
def forger(stack: Stack) -> Forger:
    return Forger(stack)


@pytest.fixture(scope="module")
def asked(stack: Stack) -> Iterator[Callable[[str], dict[str, str]]]:
    """`asked(token)` returns the outcome at each service."""
    with ExitStack() as opened:
        calls: dict[str, Any] = {}
        for name, method in ASKED.items():
            channel = grpc.insecure_channel(f"127.0.0.1:{stack.ports[name][0]}")
            opened.enter_context(channel)
            calls[name] = channel.unary_unary(
                method, request_serializer=None, response_deserializer=None
            )

        def ask(token: str) -> dict[str, str]:
            return {name: _code(call, token) for name, call in calls.items()}

        yield ask


def _code(call: Any, token: str) -> str:
    try:
        call(b"", metadata=[(METADATA, token)], timeout=60)
    except grpc.RpcError as error:
        failed: Any = error
        return str(failed.code().name)
    return "OK"


@pytest.mark.req("GW-13")
def test_a_valid_token_is_believed_everywhere(
    forger: Forger, asked: Callable[[str], dict[str, str]]
) -> None:
    """Otherwise the refusals below would prove nothing."""
    for token in (forger.valid, forger.signed()):
        assert "UNAUTHENTICATED" not in asked(token).values()
        assert "PERMISSION_DENIED" not in asked(token).values()


@pytest.mark.req("GW-13")
@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_token_is_believed_nowhere(
    forger: Forger, asked: Callable[[str], dict[str, str]], forgery: str
) -> None:
    token = FORGERIES[forgery](forger)
    assert asked(token) == dict.fromkeys(ASKED, "UNAUTHENTICATED")


@pytest.mark.req("GW-13")
def test_a_huge_token_is_not_even_read(
    forger: Forger, asked: Callable[[str], dict[str, str]]
) -> None:
    assert set(asked("x" * 100_000).values()) == {"RESOURCE_EXHAUSTED"}
    assert "UNAUTHENTICATED" not in asked(forger.valid).values(), "the services live"


@pytest.mark.req("GW-13")
def test_a_service_that_lost_its_key_is_believed_no_more(
    forger: Forger, asked: Callable[[str], dict[str, str]]
) -> None:
    """A key that is not in the list signs for nobody, whatever issuer it names."""
    private, _ = new_key_pair()
    for name in ("booking", GATEWAY, "new-service"):
        token = Signer(name, private).sign(identities.service(name))
        assert asked(token) == dict.fromkeys(ASKED, "UNAUTHENTICATED")


# At the gateway


@pytest.fixture(scope="module")
def world(stack: Stack) -> World:
    return World.make(stack)


def get(world: World, path: str, **headers: str) -> requests.Response:
    return requests.get(
        f"{world.stack.url}{path}", headers=headers, timeout=60, allow_redirects=False
    )


@pytest.fixture(scope="module")
def tokens(stack: Stack, world: World, forger: Forger) -> dict[str, str]:
    """Every kind of token that opens something, and some that only look like one."""
    booking = world.book()
    room = world.owner.get(f"/bookings/{booking['id']}/room")["join_url"]
    feed = world.owner.get(f"/providers/{world.username}/calendar-feed")["url"]
    browser = requests.Session()
    email = add_account(world, "owner")
    login = {"email": email, "password": "correct horse battery staple"}
    answer = browser.post(f"{stack.url}/api/v1/auth/login", json=login, timeout=60)
    page = browser.get(f"{stack.url}/console", timeout=60)
    owner = identities.staff(world.practice_id, "owner")
    session = answer.json()["token"]
    return {
        "session": session,
        "manage": token_of(booking["manage_url"]),
        "join": room.rpartition("/")[2],
        "feed": feed.rpartition("/")[2].removesuffix(".ics"),
        "device": browser.cookies["attune_device"],
        "form": page.text.partition('name="csrf_token" value="')[2].partition('"')[0],
        "identity": forger.signer().sign(owner),
        "hash": hashlib.sha256(session.encode()).hexdigest(),
        "booking": booking["id"],
        "capitals": session.swapcase(),
        "cut": session[:-1],
        "longer": f"{session}A",
        "padded": f"{session}=",
        "two": f"{session},{session}",
        "empty": "",
        "long": "x" * 6000,
        "odd": "\xe4\xf6\xfc\x01",
    }


@pytest.mark.req("GW-12")
def test_a_token_opens_what_it_is_for_and_nothing_else(
    world: World, tokens: dict[str, str]
) -> None:
    """A stolen link or form token is no session, and a session is no link."""
    booking = tokens["booking"]
    opened = {
        name: {
            place
            for place, answer in {
                "bearer": get(world, "/api/v1/bookings", Authorization=f"Bearer {token}"),
                "cookie": get(world, "/console", Cookie=f"attune_session={token}"),
                "link": get(world, f"/api/v1/bookings/{booking}", Authorization=f"Manage {token}"),
                "query": requests.get(
                    f"{world.stack.url}/api/v1/bookings/{booking}",
                    params={"token": token},
                    timeout=60,
                ),
                "manage page": get(world, f"/manage/{token}"),
                "join page": get(world, f"/join/{token}"),
                "feed": get(world, f"/calendar/{token}.ics"),
            }.items()
            if answer.status_code == 200
        }
        for name, token in tokens.items()
        if token.isascii() and token.isprintable()
    }
    assert {name: places for name, places in opened.items() if places} == {
        "session": {"bearer", "cookie"},
        "manage": {"link", "query", "manage page"},
        "join": {"join page"},
        "feed": {"feed"},
    }


@pytest.mark.req("GW-12", "GW-2")
def test_whatever_is_presented_is_answered_with_a_refusal(
    world: World, tokens: dict[str, str]
) -> None:
    odd = tokens["odd"].encode("latin-1").decode("latin-1")
    for headers in (
        {"Authorization": f"Bearer {odd[:3]}"},
        {"Authorization": "Bearer"},
        {"Authorization": "bearer  "},
        {"Authorization": "Basic b3duZXI6b3duZXI="},
        {"Authorization": f"Manage {odd[:3]}"},
        {"Authorization": tokens["session"]},
        {"Authorization": f"Bearer {tokens['session']} {tokens['session']}"},
        {"Cookie": f"attune_session={odd[:3]}"},
        {"Cookie": "attune_session=; attune_session=x"},
        {"Cookie": f"__Host-attune_session={tokens['session']}"},
        {"Cookie": f"Attune_Session={tokens['session']}"},
    ):
        answer = get(world, "/api/v1/bookings", **headers)
        assert (answer.status_code, answer.json()["reason"]) == (401, "UNAUTHENTICATED"), headers


@pytest.mark.req("GW-12")
def test_a_token_that_is_presented_counts_alone(world: World, tokens: dict[str, str]) -> None:
    """A token that another site makes a browser send is not combined with the browser's cookie."""
    cookie = f"attune_session={tokens['session']}"
    for presented in ("Bearer nothing", f"Manage {tokens['manage']}", "Bearer "):
        answer = get(world, "/api/v1/clients", Cookie=cookie, Authorization=presented)
        assert answer.status_code == 401, presented
    assert get(world, "/api/v1/clients", Cookie=cookie, Authorization="Basic x").status_code == 200


@pytest.mark.req("GW-12")
def test_signing_in_begins_a_session_that_nobody_can_have_planted(world: World) -> None:
    planted = "a-token-that-somebody-else-knows-too-0123456"
    login = {"email": add_account(world, "owner"), "password": "correct horse battery staple"}
    answer = requests.post(
        f"{world.stack.url}/api/v1/auth/login",
        json=login,
        cookies={"attune_session": planted},
        timeout=60,
    )
    assert answer.cookies["attune_session"] != planted
    assert get(world, "/api/v1/bookings", Authorization=f"Bearer {planted}").status_code == 401


@pytest.mark.req("GW-12")
def test_what_becomes_of_an_account_holds_from_the_next_request_on(
    stack: Stack, world: World
) -> None:
    """Roles are removed, and accounts disabled or deleted; otherwise sessions would keep access for
    days."""
    email = add_account(world, "owner")
    session = Http(stack.url, sign_in(world, email))
    account = session.get("/auth/sessions")  # it is signed in
    assert len(account["sessions"]) == 1

    def change(statement: str) -> None:
        newest = "(SELECT id FROM accounts ORDER BY created_at DESC LIMIT 1)"
        with psycopg.connect(f"{stack.postgres_url}/gateway") as database:
            database.execute(statement.format(newest=newest))

    def status(path: str = "/notices/failed") -> int:
        return session.call("GET", path).status_code

    assert status() == 200
    change("UPDATE accounts SET roles = '{{clinician}}' WHERE id = {newest}")
    assert (status(), status("/policies")) == (403, 200)
    change("UPDATE accounts SET practice_id = gen_random_uuid() WHERE id = {newest}")
    assert session.get("/bookings")["bookings"] == []
    change("UPDATE accounts SET disabled_at = now() WHERE id = {newest}")
    assert status("/policies") == 401
    change("UPDATE accounts SET disabled_at = NULL WHERE id = {newest}")
    assert status("/bookings") == 200
    change("DELETE FROM accounts WHERE id = {newest}")
    assert status("/bookings") == 401


@pytest.mark.req("GW-13", "GW-14")
def test_headers_from_outside_make_nobody_somebody(
    world: World, forger: Forger, tokens: dict[str, str]
) -> None:
    """Headers that services and proxies use among themselves have no effect if a stranger sends
    them."""
    owner = forger.signer().sign(identities.staff(world.practice_id, "owner"))
    operator = forger.signer(OPERATOR).sign(
        replace(identities.service(OPERATOR), practice_id=world.practice_id)
    )
    smuggled = [
        {name: token}
        for token in (owner, operator)
        for name in (
            METADATA,
            "Attune-Identity",
            "Attune_Identity",
            "Grpc-Metadata-Attune-Identity",
            "X-Attune-Identity",
        )
    ] + [
        {"X-Forwarded-User": "owner", "X-Remote-User": "owner", "Remote-User": "owner"},
        {"X-Forwarded-Email": f"owner-{world.username}@practice.example"},
        {"X-Original-URL": "/healthz", "X-Rewrite-URL": "/healthz"},
        {"X-Forwarded-Prefix": "/api", "X-Script-Name": "/api/v1"},
        {"Script-Name": "/api/v1/bookings", "SCRIPT_NAME": "/api/v1/bookings"},
        {"Path-Info": "/healthz", "PATH_INFO": "/healthz"},
        {"X-Forwarded-For": "127.0.0.1", "Forwarded": "for=127.0.0.1;host=evil.example"},
        {"X-Visitor-Id": "account-0123456789abcdef"},
        {"Attune-Origin": "request 192.0.2.1"},
    ]
    plain = get(world, "/api/v1/bookings").json() | {"trace_id": ""}
    for headers in smuggled:
        answer = get(world, "/api/v1/bookings", **headers)
        assert answer.json() | {"trace_id": ""} == plain, headers
        assert answer.status_code == 401
        page = get(world, "/console", **headers)
        assert page.headers["Location"] == "/signin?next=%2Fconsole", headers
    for method in ("DELETE", "PUT", "PATCH"):
        answer = get(world, f"/book/{world.username}", **{"X-HTTP-Method-Override": method})
        assert answer.status_code == 200
