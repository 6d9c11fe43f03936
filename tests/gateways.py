"""Gateways with production settings and low limits in front of a running stack, and callers with
addresses of their own."""

import copy
import itertools
import secrets
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv6Address
from pathlib import Path
from typing import Any

import requests

from attune_local.servers import free_port, stop
from attune_local.stack import Stack
from common.db import encryption
from common.services import GATEWAY

HOST = "attune.example"
SITE = f"https://{HOST}"
PARTNER = "https://partner.example"  # may call the API from its pages
FAILURES, FAILURES_BY_ADDRESS = 3, 6
PUBLIC_WRITES, WRITES, SIGN_INS = 5, 4, 40
_LONG = 30  # seconds; no machine is so slow that a lock of that length ends within a test

_PRODUCTION = {
    "ENVIRONMENT": "production",
    "PUBLIC_URL": SITE,
    "CORS_ORIGINS": PARTNER,
    "SIGN_IN_FAILURES": str(FAILURES),
    "SIGN_IN_FAILURES_BY_ADDRESS": str(FAILURES_BY_ADDRESS),
    "LIMIT_PUBLIC_WRITES": f"{PUBLIC_WRITES}/hour",
    "LIMIT_WRITES": f"{WRITES}/hour",
    "LIMIT_SIGN_INS": f"{SIGN_INS}/hour",
}
_numbers = itertools.count(1)
_NETWORK = IPv6Address("2001:db8::1") + (secrets.randbits(16) << 80)


@dataclass(frozen=True)
class Gateways:
    """`pair` are two gateways behind a proxy at this machine's address, which they trust; `alone`
    trusts no proxy and has counts of its own."""

    pair: tuple[str, str]
    alone: str
    clock_file: Path

    def lock(self, guess: Callable[[], requests.Response]) -> None:
        """Guess until a long lock applies; the gateways' clocks move ahead meanwhile."""
        for _ in range(SIGN_INS):
            wait = int(guess().headers.get("Retry-After", 0))
            if wait > _LONG:
                return
            shift = float(self.clock_file.read_text() or 0) if self.clock_file.exists() else 0
            self.clock_file.write_text(str(shift + wait))
        raise AssertionError("nothing locks")


@contextmanager
def gateways(stack: Stack) -> Iterator[Gateways]:
    """Run the gateways during the block."""
    clock_file = stack.folder / "gateways-clock"
    clock = {"CLOCK_FILE": str(clock_file)}
    behind = {**clock, "TRUSTED_PROXIES": "127.0.0.1"}
    counts_for_itself = {**clock, "BLIND_INDEX_KEY": encryption.new_key()}
    made = [_beside(stack, extra) for extra in (behind, behind, counts_for_itself)]
    processes = [one.start_service(GATEWAY, free_port()) for one in made]
    try:
        for process in processes:
            stack.await_ready(process)
        first, second, alone = (f"http://127.0.0.1:{process.port}" for process in processes)
        yield Gateways((first, second), alone, clock_file)
    finally:
        for process in processes:
            stop(process.handle, signal.SIGTERM, 15)


def _beside(stack: Stack, extra: Mapping[str, str]) -> Stack:
    """Return the same stack with other settings for its gateways."""
    other = copy.copy(stack)
    other.extra = {**stack.extra, **_PRODUCTION, **extra}
    other.processes = []
    return other


def an_address() -> str:
    """Return an address that nobody else uses, in a network of its own."""
    return str(_NETWORK + (next(_numbers) << 64))


@dataclass
class Peer:
    """A caller who comes through our proxy from an address, and alternates between the gateways."""

    gateways: Gateways
    address: str = field(default_factory=an_address)
    token: str = ""
    cookies: dict[str, str] = field(default_factory=dict)
    """Sent by hand: the client would keep cookies for TLS to itself."""

    def __post_init__(self) -> None:
        self._turns = itertools.cycle(self.gateways.pair)
        self._session = requests.Session()

    def call(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, **options: Any
    ) -> requests.Response:
        sent = {
            "Host": HOST,
            "X-Forwarded-For": self.address,
            "X-Forwarded-Proto": "https",
            **({"Authorization": f"Bearer {self.token}"} if self.token else {}),
            **(
                {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
                if self.cookies
                else {}
            ),
            **(headers or {}),
        }
        answer = self._session.request(
            method,
            f"{next(self._turns)}{path}",
            headers=sent,
            timeout=20,
            allow_redirects=False,
            **options,
        )
        self._session.cookies.clear()
        return answer

    def sign_in(self, email: str, password: str, **headers: str) -> requests.Response:
        login = {"email": email, "password": password}
        return self.call("POST", "/api/v1/auth/login", headers, json=login)


def reason(answer: requests.Response) -> str:
    """Return `429 TOO_MANY_REQUESTS`, or the bare status of a success."""
    if answer.ok:
        return str(answer.status_code)
    return f"{answer.status_code} {answer.json()['reason']}"
