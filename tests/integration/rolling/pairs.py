"""A stack with two replicas of every service and two gateways, with TLS between them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from attune_local.servers import Nats, free_port
from attune_local.stack import Process, Stack
from attune_testing.certificates import Authority
from common.rpc import tls
from common.services import GATEWAY, OPERATOR, SERVICES
from tests.world import PATIENT

HOST = "127.0.0.1"
KINDS = (*SERVICES, GATEWAY)


@dataclass
class TlsStack(Stack):
    """A stack whose services use mutual TLS, and TLS to NATS.

    The PostgreSQL of the wheel is built without TLS (`tests/integration/test_pgbouncer.py`).
    """

    authority: Authority = field(default_factory=Authority)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.tls_folder = self.folder / "tls"
        for name in (*KINDS, OPERATOR, "nats"):
            self.authority.issue(self.tls_folder / name, name, HOST)

    def start_servers(self) -> None:
        assert self.tls_folder
        files = self.tls_folder / "nats"
        options = ["--tls", "--tlscert", str(files / tls.CERTIFICATE)]
        options += ["--tlskey", str(files / tls.KEY)]
        self.nats = Nats(self.folder / "nats", free_port(), options)
        self.nats.start()
        self.nats_url = self.nats.url.replace("nats://", "tls://")
        super().start_servers()

    def environment(self, service: str, port: int) -> dict[str, str]:
        return {**super().environment(service, port), "NATS_CA": self.authority.pem}

    def callers_of(self, process: Process) -> set[int]:
        """Return the ids of the processes that are connected to a process's port."""
        found = set()
        for other in self.processes:
            parent = psutil.Process(other.handle.pid)
            for one in (parent, *parent.children(recursive=True)):
                connections = one.net_connections("tcp")
                if any(
                    c.status == psutil.CONN_ESTABLISHED and c.raddr.port == process.port
                    for c in connections
                ):
                    found.add(one.pid)
        return found

    def replicas_of(self, kind: str) -> list[Process]:
        """Return the processes of a kind."""
        return [process for process in self.processes if process.name == kind]


@contextmanager
def pairs(folder: Path) -> Iterator[TlsStack]:
    """Run such a stack during the block."""
    folder.chmod(0o755)  # PostgreSQL's unprivileged user must pass
    stack = TlsStack(
        folder,
        free_port(),
        extra={
            **PATIENT,
            "LIMIT_PUBLIC_WRITES": "1000000/minute",
            "LIMIT_WRITES": "1000000/minute",
            "LIMIT_SIGN_INS": "1000000/minute",
        },
        replicas=dict.fromkeys(SERVICES, 2),
    )
    try:
        stack.start()
        stack.await_ready(stack.start_service(GATEWAY, free_port()))
        yield stack
    finally:
        stack.stop()
