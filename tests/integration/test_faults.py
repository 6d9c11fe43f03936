"""The faults that other tests rely on do what they claim."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

import pytest

from attune_local.servers import free_port
from tests.faults import Proxy


@pytest.fixture(scope="module")
def echo() -> Iterator[int]:
    """The port of a server that sends back what it receives."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer(connection: socket.socket) -> None:
            with closing(connection), suppress(ConnectionResetError):
                while data := connection.recv(1024):
                    connection.sendall(data)

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)


@contextmanager
def connected(proxy: Proxy) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as connection:
        assert said(connection, b"hello") == b"hello"
        yield connection


def said(connection: socket.socket, words: bytes) -> bytes:
    """Send bytes and return the response."""
    connection.sendall(words)
    return connection.recv(1024)


def test_a_cut_breaks_what_is_open_and_nothing_else(echo: int) -> None:
    with Proxy(echo) as proxy, connected(proxy) as broken:
        assert proxy.connections == 1
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            broken.recv(1)
        with connected(proxy):
            assert proxy.connections == 1


def test_who_is_refused_cannot_connect_until_let_in_again(echo: int) -> None:
    with Proxy(echo) as proxy, connected(proxy) as before:
        proxy.refuse()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", proxy.port), timeout=5)
        assert said(before, b"still here") == b"still here"
        proxy.accept()
        with connected(proxy):
            pass


def test_what_is_frozen_keeps_silent_and_loses_nothing(echo: int) -> None:
    with Proxy(echo) as proxy, connected(proxy) as frozen:
        proxy.freeze()
        frozen.settimeout(0.2)
        with pytest.raises(TimeoutError):
            said(frozen, b"later")
        proxy.thaw()
        frozen.settimeout(5)
        assert frozen.recv(1024) == b"later"


def test_a_delay_counts_each_way_and_can_change(echo: int) -> None:
    with Proxy(echo, delay=0.1) as proxy, connected(proxy) as slow:
        began = time.monotonic()
        said(slow, b"slowly")
        assert time.monotonic() - began >= 0.2
        proxy.delay = 0
        assert said(slow, b"quickly") == b"quickly"


def test_nobody_behind_it_is_a_broken_connection() -> None:
    with (
        Proxy(free_port()) as proxy,
        pytest.raises(ConnectionResetError),  # it may break before it is used
        socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as there,
    ):
        there.recv(1)
