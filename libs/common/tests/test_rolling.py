"""Replicas that are replaced by others at new addresses, as pods are."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from attune.booking.v1 import occupancy_service_pb2 as pb
from attune.booking.v1.occupancy_service_pb2_grpc import (
    OccupancyServiceServicer,
    OccupancyServiceStub,
    add_OccupancyServiceServicer_to_server,
)
from attune_local.servers import free_port
from attune_testing import identities
from common.rpc import channels, identity
from common.rpc.access import allow
from common.rpc.server import Server

NAME = "booking.example"
_A, _AAAA, _IN = 1, 28, 1


class Dns:
    """A name server that knows one name. Its address can be changed at any time."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            query, caller = self._socket.recvfrom(512)
            if not query:
                return
            self._socket.sendto(self._answer(query), caller)

    def _answer(self, query: bytes) -> bytes:
        """Return the answer with one address to a question for IPv4, and none to others."""
        end = query.index(b"\0", 12) + 5  # of the question, which follows the header
        kind, _ = struct.unpack("!HH", query[end - 4 : end])
        found = kind == _A
        head = query[:2] + struct.pack("!HHHHH", 0x8580, 1, int(found), 0, 0)
        record = b"\xc0\x0c" + struct.pack("!HHIH", _A, _IN, 0, 4) + socket.inet_aton(self.address)
        return head + query[12:end] + (record if found else b"")

    def close(self) -> None:
        """Stop serving."""
        self._socket.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join()
        self._socket.close()


class Replica(OccupancyServiceServicer):
    """Answers with its number."""

    def __init__(self, number: int) -> None:
        self._number = number

    @allow("occupancy:read")
    def ListTakenTime(  # noqa: N802  # the RPC's name
        self, request: pb.ListTakenTimeRequest, context: Any
    ) -> pb.ListTakenTimeResponse:
        return pb.ListTakenTimeResponse(revision=self._number)


def started(number: int, port: int) -> Server:
    """Start a replica at the address 127.0.0.<number>."""
    server = Server(identity.Verifier(identities.PUBLIC_KEYS), 4)
    server.add([(add_OccupancyServiceServicer_to_server, Replica(number))])
    server.listen(f"127.0.0.{number}:{port}")
    return server


@pytest.fixture
def dns() -> Iterator[Dns]:
    with closing(Dns("127.0.0.2")) as serving:
        yield serving


@pytest.mark.req("PF-12", "PF-13", "PF-15")
def test_callers_follow_a_replica_to_its_new_address(dns: Dns) -> None:
    """Each replica is replaced as soon as the next one serves; no call fails."""
    port = free_port()
    server = started(2, port)
    target = f"dns://127.0.0.1:{dns.port}/{NAME}:{port}"
    with channels.channel(target, identities.signer(), timeout=20) as channel:
        stub: Any = OccupancyServiceStub(channel)
        request = pb.ListTakenTimeRequest()
        assert stub.ListTakenTime(request).revision == 2
        for number in (3, 4, 5):
            successor = started(number, port)
            dns.address = f"127.0.0.{number}"
            server.stop(5)
            server = successor
            assert [stub.ListTakenTime(request).revision for _ in range(20)] == [number] * 20
    server.stop(1)
