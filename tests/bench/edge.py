"""E1: searches from one address while another uses one public route as fast as its limit allows.

The same for an address that opens connections and stays silent, or sends too slowly.
"""

import contextlib
import itertools
import json
import secrets
import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial

from attune_local.stack import Stack
from tests.bench import client
from tests.bench.measure import report
from tests.world import World

_OTHER = "127.0.0.2"  # the address that disturbs
_RATE = 20  # requests a second: LIMIT_REQUESTS as it is shipped
_SEARCHES, _PAUSE = 60, 0.05  # in one round, and the seconds between two of them
_SILENT = 1001
_SLOW_HEAD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
_SLOW_BODY = (
    b"POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\n"
    b"Content-Type: application/json\r\nContent-Length: 60000\r\n\r\n{"
)


def measure(stack: Stack) -> None:
    """Print, for each public route, how many times longer a search takes, by the median."""
    world = World.make(stack)
    path = f"/api/v1/providers/{world.username}"
    query = f"service=session&mode=telehealth&tz=UTC&from={world.a_start()[:10]}"
    search = client.get(f"{path}/slots?{query}")
    _median(stack.port, search)
    for name, request in _routes(world, path, query).items():
        undisturbed = _median(stack.port, search)
        with _flood(stack.port, request):
            disturbed = _median(stack.port, search)
        _tell(name, undisturbed, disturbed)
    for name, sent in (("silent", b""), ("slow heads", _SLOW_HEAD), ("slow bodies", _SLOW_BODY)):
        undisturbed = _median(stack.port, search)
        with _connections(stack.port, sent):
            disturbed = _median(stack.port, search)
        _tell(f"{_SILENT} connections: {name}", undisturbed, disturbed)


def _tell(name: str, undisturbed: float, disturbed: float) -> None:
    seen = f"{undisturbed * 1000:.1f} ms, {disturbed * 1000:.1f} ms"
    report("E1", name, f"{disturbed / undisturbed:.2f}", seen)


def _routes(world: World, path: str, query: str) -> dict[str, Callable[[], bytes]]:
    """Return what makes the requests to each public route."""
    read = {
        "/": "/",
        "/api/docs": "/api/docs",
        "/api/v1/openapi.json": "/api/v1/openapi.json",
        "/static": "/static/attune.css",
        "/readyz": "/readyz",
        "/signin": "/signin",
        "profile": path,
        "slots": f"{path}/slots?{query}",
        "next slots": f"{path}/slots/next?{query.partition('&from')[0]}",
        "days": f"{path}/days?{query}",
        "booking page": f"/book/{world.username}",
        "booking page, times": f"/book/{world.username}?service=session&mode=telehealth",
        "manage page": f"/manage/{world.book()['manage_url'].rpartition('/')[2]}",
        "manage page that is not there": f"/manage/{secrets.token_urlsafe(32)}",
        "join page that is not there": f"/join/{secrets.token_urlsafe(32)}",
        "calendar that is not there": f"/calendar/{secrets.token_urlsafe(32)}.ics",
    }
    starts = itertools.cycle(world.slots())
    login = b'{"email":"nobody@mail.example","password":"not this one"}'

    def hold() -> bytes:
        wanted = {"service": "session", "mode": "telehealth", "start": next(starts)}
        return client.post(f"{path}/holds", json.dumps(wanted).encode(), {})

    return {
        **{name: partial(client.get, at) for name, at in read.items()},
        "holds": hold,
        "sign-ins": partial(client.post, "/api/v1/auth/login", login, {}),
    }


def _median(port: int, search: bytes) -> float:
    """Return the median of a round's searches, in seconds; none of them may fail."""
    connection, seconds = client.Connection(port), []
    with contextlib.closing(connection):
        for _ in range(_SEARCHES):
            began = time.perf_counter()
            answer = connection.ask(search)
            seconds.append(time.perf_counter() - began)
            if answer.status != 200:
                raise SystemExit(f"a search failed: {answer.status}")
            time.sleep(_PAUSE)
    return statistics.median(seconds)


@contextlib.contextmanager
def _flood(port: int, request: Callable[[], bytes]) -> Iterator[None]:
    """Send requests from the other address at its limit, whatever they are answered."""
    ended = threading.Event()

    def send(made: bytes) -> None:
        with socket.create_connection(("127.0.0.1", port), 60, (_OTHER, 0)) as connection:
            connection.sendall(made.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
            while connection.recv(65536):
                pass

    def run() -> None:
        with ThreadPoolExecutor(16) as pool:
            while not ended.wait(1 / _RATE):
                pool.submit(send, request())

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@contextlib.contextmanager
def _connections(port: int, sent: bytes) -> Iterator[None]:
    """Open many connections from the other address, which send a beginning and no more."""
    with ExitStack() as opened:
        for _ in range(_SILENT):
            caller = socket.create_connection(("127.0.0.1", port), 60, (_OTHER, 0))
            opened.enter_context(caller)
            with contextlib.suppress(ConnectionError):  # it is one too many
                caller.sendall(sent)
        yield
