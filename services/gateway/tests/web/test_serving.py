"""The gateway as the process that runs in a pod."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import fields
from functools import partial
from pathlib import Path

import psutil
import pytest
import requests

from attune_local.servers import free_port, spawn
from attune_testing.waiting import until
from common.services import SERVICES
from gateway.settings import Settings

CHUNK = b"7fff\r\n" + b"x" * 0x7FFF + b"\r\n"
LOGIN = b"POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
SHARE = 225  # connections of one address
AWAY = dict.fromkeys(SERVICES, "unavailable")


@contextmanager
def served(
    settings: Settings, folder: Path, **changes: str
) -> Iterator[tuple[int, "subprocess.Popen[bytes]"]]:
    """Run the gateway; yield its port and the process."""
    port = free_port()
    values = {field.name.upper(): str(getattr(settings, field.name)) for field in fields(settings)}
    env = {**os.environ, **values, "LISTEN": f"127.0.0.1:{port}", **changes}
    with (folder / "log").open("wb") as log:
        process = spawn([sys.executable, "-m", "gateway"], env=env, output=log)
    try:
        await_alive(port, process, folder / "log")
        yield port, process
    finally:
        process.kill()
        process.wait()


def await_alive(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        try:
            if requests.get(f"http://127.0.0.1:{port}/healthz", timeout=60).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.05)
    raise AssertionError(log.read_text())


@pytest.mark.req("PF-12", "GW-4")
def test_it_lives_without_its_dependencies_and_says_which_are_away(
    settings: Settings, tmp_path: Path
) -> None:
    with served(settings, tmp_path, WEB_WORKERS="2") as (port, _):
        url = f"http://127.0.0.1:{port}"
        assert requests.get(f"{url}/healthz", timeout=60).json() == {"status": "ok"}
        ready = requests.get(f"{url}/readyz", timeout=60)
        assert (ready.status_code, ready.json()) == (
            503,
            {"status": "unavailable", "dependencies": {"database": "ok", **AWAY}},
        )
        away = requests.get(f"{url}/api/v1/providers/demo", timeout=60)
        assert (away.status_code, away.json()["reason"]) == (503, "UNAVAILABLE")
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert {line["service"] for line in lines} == {"gateway"}
    assert not [line for line in lines if line["level"] == "ERROR"]


@pytest.fixture(scope="module")
def hurried(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Return the port of a gateway that gives a request a second to arrive."""
    with served(settings, tmp_path_factory.mktemp("hurried"), REQUEST_SECONDS="1") as (port, _):
        yield port


@pytest.mark.req("PF-13")
def test_who_sends_byte_by_byte_is_cut_off(hurried: int) -> None:
    head = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
    body = (
        b"POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Type: application/json\r\nContent-Length: 60000\r\n\r\n"
    )
    with ExitStack() as opened:
        slow = []
        for beginning in [head, body] * 20:
            sender = opened.enter_context(socket.create_connection(("127.0.0.1", hurried)))
            sender.sendall(beginning)
            slow.append(sender)

        def are_cut_off() -> bool:
            time.sleep(0.1)
            for sender in [*slow]:
                try:
                    sender.sendall(b"x")
                except ConnectionError:
                    slow.remove(sender)
            return not slow

        until(are_cut_off)
        answer = requests.post(f"http://127.0.0.1:{hurried}/api/v1/auth/login", json={}, timeout=60)
        assert answer.status_code == 400


@pytest.fixture(scope="module")
def patient(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Return the port of a gateway that waits up to a minute for input."""
    folder, seconds = tmp_path_factory.mktemp("patient"), {"HEAD_SECONDS": "60"}
    with served(settings, folder, REQUEST_SECONDS="60", **seconds) as (port, _):
        yield port


def open_callers(opened: ExitStack, port: int, count: int, sent: bytes) -> list[socket.socket]:
    """Connections from the address 127.0.0.2, each of which has sent the same."""
    callers = []
    for _ in range(count):
        caller = socket.create_connection(("127.0.0.1", port), 60, ("127.0.0.2", 0))
        callers.append(opened.enter_context(caller))
        if sent:
            caller.sendall(sent)
    return callers


def is_open(caller: socket.socket) -> bool:
    caller.setblocking(False)
    try:
        while caller.recv(65536):
            pass
    except BlockingIOError:
        return True
    except ConnectionError:
        pass
    return False


@pytest.mark.req("PF-13")
@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"G",
        b"GET /healthz HTTP/1.1\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # how TLS begins
        LOGIN + b"Content-Length: 600\r\n\r\n{",
        LOGIN + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{",
    ],
)
def test_callers_who_fall_silent_keep_nobody_waiting(patient: int, sent: bytes) -> None:
    """The silent callers outnumber the gateway's threads, and each could stay for a minute."""
    with ExitStack() as opened:
        callers = open_callers(opened, patient, 300, sent)
        for path, status in (("/healthz", 200), ("/api/v1/providers/demo", 503)):
            url = f"http://127.0.0.1:{patient}{path}"
            assert requests.get(url, timeout=30).status_code == status
        until(lambda: sum(map(is_open, callers)) <= SHARE)
        assert any(map(is_open, callers)), "the answers did not wait for them"
    until(lambda: is_answered(patient), seconds=30)


def is_answered(port: int) -> bool:
    """Return whether a caller from the address of the silent ones is answered."""
    with ExitStack() as opened:
        (caller,) = open_callers(
            opened, port, 1, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
        )
        try:
            return caller.recv(65536).startswith(b"HTTP/1.1 200")
        except ConnectionError:
            return False


@pytest.mark.req("PF-13")
def test_when_all_connections_are_taken_the_longest_silent_one_makes_room(patient: int) -> None:
    with ExitStack() as opened:
        callers = []
        for number in range(1000):
            source = f"127.0.1.{number % 5 + 1}", 0
            caller = socket.create_connection(("127.0.0.1", patient), 60, source)
            callers.append(opened.enter_context(caller))
        for _ in range(3):
            url = f"http://127.0.0.1:{patient}/healthz"
            assert requests.get(url, timeout=30).status_code == 200
        until(lambda: sum(map(is_open, callers)) < 900)
        assert is_open(callers[-1])
        assert not is_open(callers[0])


@pytest.mark.req("PF-13")
def test_who_sends_no_request_in_time_is_let_go(settings: Settings, tmp_path: Path) -> None:
    with served(settings, tmp_path, HEAD_SECONDS="1") as (port, _), ExitStack() as opened:
        callers = open_callers(opened, port, 5, b"")
        callers += open_callers(opened, port, 5, b"GET / HTTP/1.1\r\n")
        until(lambda: not any(map(is_open, callers)))


@pytest.mark.req("PF-12")
def test_a_running_request_is_answered_before_it_ends(settings: Settings, tmp_path: Path) -> None:
    body = b'{"email": "nobody-of-serving@clinic.example", "password": "whatever"}'
    head = (
        b"POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        b"Content-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n"
        % len(body)
    )
    with (
        served(settings, tmp_path) as (port, process),
        socket.create_connection(("127.0.0.1", port), timeout=60) as connection,
    ):
        connection.sendall(head + body[:10])
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"  # it is taken up
        process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        connection.sendall(body[10:])
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
        assert answer.startswith(b"HTTP/1.1 401")
        assert b"WRONG_CREDENTIALS" in answer
        assert process.wait(60) == 0


@pytest.mark.req("PF-12")
def test_whoever_is_connected_when_it_ends_is_answered(settings: Settings, tmp_path: Path) -> None:
    """Also those whom the system has accepted, and the process has not seen yet."""
    with served(settings, tmp_path) as (port, process), ExitStack() as opened:
        [worker] = psutil.Process(process.pid).children()
        worker.suspend()
        request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
        callers = open_callers(opened, port, 5, request)
        process.send_signal(signal.SIGTERM)
        until(lambda: _is_pending(worker.pid, signal.SIGTERM))
        worker.resume()
        answers = [b"".join(iter(partial(caller.recv, 65536), b"")) for caller in callers]
        assert [answer[:15] for answer in answers] == [b"HTTP/1.1 200 OK"] * 5
        assert process.wait(60) == 0


def _is_pending(pid: int, number: signal.Signals) -> bool:
    """Return whether a signal waits for a process that is suspended."""
    status = Path(f"/proc/{pid}/status").read_text()
    [pending] = [line.split()[1] for line in status.splitlines() if line.startswith("ShdPnd:")]
    return bool(int(pending, 16) & 1 << (number - 1))


@pytest.mark.req("GW-14")
@pytest.mark.parametrize(
    "headers",
    [
        b"Transfer-Encoding: chunked\r\n\r\n" + CHUNK * 3 + b"0\r\n\r\n",
        b"Content-Length: 10000000\r\n\r\n",
    ],
)
def test_a_body_is_never_read_further_than_its_limit(hurried: int, headers: bytes) -> None:
    head = (
        b"POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Type: application/json\r\nConnection: close\r\n"
    )
    with socket.create_connection(("127.0.0.1", hurried), timeout=60) as connection:
        connection.sendall(head + headers)
        assert connection.recv(65536).startswith(b"HTTP/1.1 413")
