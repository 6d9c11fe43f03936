"""Peers of a service that open a call and then read nothing."""

import socket
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from attune_testing.identities import PUBLIC_KEYS
from common.rpc import identity
from common.rpc import server as servers

SERVING, NOT_SERVING = (
    health_pb2.HealthCheckResponse.SERVING,
    health_pb2.HealthCheckResponse.NOT_SERVING,
)
# RFC 9113: frame types, flags, and the setting of a stream's first window
_DATA, _HEADERS, _SETTINGS = 0, 1, 4
_END_STREAM, _END_HEADERS = 1, 4
_INITIAL_WINDOW_SIZE = 4


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def _header(name: str, value: str) -> bytes:
    """Return a literal header of HPACK, without indexing and Huffman codes."""
    return b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()


def _call(stream: int, method: str, service: str) -> bytes:
    headers = {
        ":method": "POST",
        ":scheme": "http",
        ":path": f"/grpc.health.v1.Health/{method}",
        ":authority": "attune",
        "te": "trailers",
        "content-type": "application/grpc",
    }
    block = b"".join(_header(*pair) for pair in headers.items())
    message = health_pb2.HealthCheckRequest(service=service).SerializeToString()
    data = struct.pack(">BI", 0, len(message)) + message
    return _frame(_HEADERS, _END_HEADERS, stream, block) + _frame(_DATA, _END_STREAM, stream, data)


def silent_peer(address: str, method: str, *services: str) -> socket.socket:
    """Call a method for each service over a connection whose window is zero."""
    host, _, port = address.rpartition(":")
    peer = socket.create_connection((host, int(port)), timeout=10)
    settings = struct.pack(">HI", _INITIAL_WINDOW_SIZE, 0)
    calls = [_call(2 * n + 1, method, service) for n, service in enumerate(services)]
    peer.sendall(
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _frame(_SETTINGS, 0, 0, settings) + b"".join(calls)
    )
    peer.recv(1)  # the server has begun to read
    return peer


@pytest.fixture
def server() -> Iterator[tuple[servers.Server, str]]:
    made = servers.Server(identity.Verifier(PUBLIC_KEYS), 4)
    port = made.listen("127.0.0.1:0")
    yield made, f"127.0.0.1:{port}"
    with ThreadPoolExecutor(1) as one:
        one.submit(made.stop, 1).result(30)


@pytest.mark.req("PF-12", "PF-13")
@pytest.mark.parametrize(
    ("method", "services"),
    [
        ("Watch", [""]),
        ("Watch", ["readiness"]),
        ("Watch", ["liveness"]),
        ("Watch", ["unknown"]),
        ("Watch", ["readiness"] * 40),
        ("Watch", ["", "readiness", "liveness"]),
        ("Check", ["readiness"] * 8),
    ],
)
def test_a_peer_that_reads_nothing_delays_no_health_check(
    server: tuple[servers.Server, str], method: str, services: list[str]
) -> None:
    made, address = server
    pool = ThreadPoolExecutor(1)
    with closing(silent_peer(address, method, *services)), grpc.insecure_channel(address) as peer:
        stub: Any = health_pb2_grpc.HealthStub(peer)
        for ready in (True, False, True):
            pool.submit(made.set_ready, ready).result(10)
            states = {"liveness": SERVING, "readiness": SERVING if ready else NOT_SERVING}
            for name, state in states.items():
                request = health_pb2.HealthCheckRequest(service=name)
                assert stub.Check(request, timeout=10).status == state
    pool.shutdown()


@pytest.mark.req("PF-12")
def test_a_health_watch_is_not_implemented(server: tuple[servers.Server, str]) -> None:
    with grpc.insecure_channel(server[1]) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        with pytest.raises(grpc.RpcError) as raised:
            list(stub.Watch(health_pb2.HealthCheckRequest(), timeout=10))
    error: Any = raised.value
    assert error.code() == grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.req("PF-12")
def test_a_stopping_server_is_not_ready(server: tuple[servers.Server, str]) -> None:
    made, _ = server
    made.set_ready(True)
    made._health.stop()
    made.set_ready(True)
    context: Any = None
    for name in ("", "readiness", "liveness"):
        request = health_pb2.HealthCheckRequest(service=name)
        assert made._health.check(request, context).status == NOT_SERVING
