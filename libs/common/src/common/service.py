"""One service: database, NATS, gRPC server, relay, sealer, consumer, due work, readiness and a
shutdown that drops nothing. `__main__` of every service wires one of these."""

import logging
import signal
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import grpc
from sqlalchemy import text

from attune.audit.v1.audit_service_pb2_grpc import add_AuditServiceServicer_to_server
from common import clock as clocks
from common import telemetry
from common.audit import Sealer
from common.audit.servicer import AuditServicer
from common.config import ServiceSettings
from common.db import encryption, reencryption, schema
from common.db.database import EVERY_PRACTICE, Database
from common.jobs.worker import Jobs, Worker
from common.messaging.consumer import Consumer, Handlers
from common.messaging.nats import Bus
from common.messaging.outbox import Relay
from common.rpc import channels, identity
from common.rpc.server import Server, Servicers

log = logging.getLogger(__name__)

GRACE = 10.0  # seconds for running calls at shutdown
_JOB_THREADS = 4  # at most; more of them wait for a connection
_CHECK = 1.0  # seconds between readiness checks
_KEEP_INBOX = timedelta(days=14)  # twice what the stream keeps
_KEEP_ANSWERS = timedelta(days=2)


class Service:
    """The parts of one service, in the order in which they start and stop."""

    def __init__(self, name: str, settings: ServiceSettings) -> None:
        telemetry.configure(name)
        self.name = name
        self.package = name.replace("-", "_")
        self.settings = settings
        self.clock = clocks.clock(settings.clock_file)
        encryption.use(encryption.KeyRing(settings.encryption_keys, settings.blind_index_key))
        # A connection for each worker, and for relay, sealer, consumer, readiness and jobs.
        self.database = Database(
            settings.database_url,
            settings.grpc_workers + 4 + _JOB_THREADS,
            service=name,
            clock=self.clock,
            max_wait=settings.turn_seconds,
        )
        self.bus = Bus(settings.nats_url, name)
        self.signer = identity.Signer(name, settings.identity_key)
        self.server = Server(identity.Verifier(settings.identity_keys), settings.grpc_workers)
        self.server.add([(add_AuditServiceServicer_to_server, AuditServicer(self.database))])
        self._relay = Relay(self.database, self.bus)
        self._sealer = Sealer(self.database)
        self._consumer: Consumer | None = None
        self._worker: Worker | None = None
        self._checks: dict[str, Callable[[], bool]] = {"database": self._schema_is_ready}
        self._schema_found = False
        self._stopping = threading.Event()

    def channel(self, target: str) -> grpc.Channel:
        """A channel to another service."""
        return channels.channel(
            target,
            self.signer,
            self.settings.call_seconds,
            most=max(1, self.settings.grpc_workers * 3 // 4),
            max_wait=self.settings.turn_seconds,
        )

    def add(self, servicers: Servicers) -> None:
        """Serve these RPCs."""
        self.server.add(servicers)

    def handle(self, handlers: Handlers) -> None:
        """Handle these events, under the service's durable."""
        self._consumer = Consumer(self.name, self.database, self.bus, handlers)

    def work(self, jobs: Jobs, peers: Any = None) -> None:
        """Do these jobs; `peers` is what their handlers ask other systems with."""
        self._worker = Worker(self.database, self.clock, jobs, peers)

    def check(self, name: str, ready: Callable[[], bool]) -> None:
        """One more condition for being ready."""
        self._checks[name] = ready

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stopping.set())
        self.start()
        self._stopping.wait()
        self.stop()

    def start(self) -> int:
        """Start everything; returns the port."""
        self.bus.start()
        port = self.server.listen(self.settings.listen)
        threads: list[Any] = [self._relay, self._sealer, self._consumer, self._worker]
        for part in threads:
            if part:
                part.start()
        threading.Thread(target=self._watch, name="readiness", daemon=True).start()
        reencryption.watch(self.database)
        log.info("serving", extra={"address": self.settings.listen, "port": port})
        return port

    def stop(self) -> None:
        """Finish what runs, then end."""
        self._stopping.set()
        self.server.stop(GRACE)
        for part in (self._consumer, self._worker, self._relay, self._sealer):
            if part:
                part.stop()
        self.bus.close()
        self.database.close()
        telemetry.shutdown()
        log.info("stopped")

    def _watch(self) -> None:
        ready: bool | None = None
        rounds = 0
        while not self._stopping.is_set():
            failing = [name for name, check in self._checks.items() if not _passes(check)]
            if ready != (not failing):
                ready = not failing
                self.server.set_ready(ready)
                log.info("ready" if ready else "not ready", extra={"failing": failing})
            if ready and rounds % 600 == 0:
                try:
                    self._forget()
                except Exception as error:  # the database went away; there is a next time
                    log.warning("old entries stay for now: %s", type(error).__name__)
            rounds += 1
            self._stopping.wait(_CHECK if ready else 0.1)

    def _schema_is_ready(self) -> bool:
        """The schema is looked at until it is there; from then on, whether the database is."""
        if self._schema_found:
            self.database.ping()
        else:
            self._schema_found = schema.is_ready(self.package, self.database)
        return self._schema_found

    def _forget(self) -> None:
        """Drop old entries of inbox and idempotency."""
        with self.database.transaction(EVERY_PRACTICE) as session:
            for table, column, keep in (
                ("inbox", "received_at", _KEEP_INBOX),
                ("idempotency", "created_at", _KEEP_ANSWERS),
            ):
                session.execute(
                    text(f"DELETE FROM {table} WHERE {column} < now() - :keep"),  # noqa: S608  # constants
                    {"keep": keep},
                )


def _passes(check: Callable[[], bool]) -> bool:
    try:
        return check()
    except Exception:  # whatever it was, it is not ready
        return False
