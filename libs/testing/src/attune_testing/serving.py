"""Servicers behind a real port, in the test's own process."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import grpc

from attune_testing.identities import PUBLIC_KEYS, signer
from common.rpc import channels, identity
from common.rpc.server import Server, Servicers
from common.services import GATEWAY


@dataclass(frozen=True)
class Served:
    """The address of servicers that are being served."""

    address: str

    def channel(self, issuer: str = GATEWAY) -> grpc.Channel:
        """Return a channel whose calls `issuer` signs for `identity.acting_as(...)`.

        Only the gateway may sign the identities of people.
        """
        target = f"ipv4:{self.address}"
        return channels.channel(target, signer(issuer), timeout=10, most=128)


@contextmanager
def serve(servicers: Servicers, workers: int = 16, port: int = 0) -> Iterator[Served]:
    """Serve as `common.service` does during the block, on a free port if `port` is 0.

    Services that call each other need ports that are known in advance.
    """
    server = Server(identity.Verifier(PUBLIC_KEYS), workers)
    server.add(servicers)
    bound = server.listen(f"127.0.0.1:{port}")
    try:
        yield Served(f"127.0.0.1:{bound}")
    finally:
        server.stop(1)
