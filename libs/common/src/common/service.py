"""The process of one service, which every service's `__main__` configures and runs.

It has a database, a connection to NATS, a gRPC server, the threads of relay, sealer, consumer, and
jobs, a readiness check, and a shutdown that finishes running work.
"""

import logging
import signal
import threading
from collections.abc import Callable
from typing import Any

import grpc

from attune.audit.v1.audit_service_pb2_grpc import add_AuditServiceServicer_to_server
from common import clock as clocks
from common import gauges, telemetry
from common.audit import Sealer
from common.audit.servicer import AuditServicer
from common.config import ServiceSettings
from common.db import encryption, reencryption, schema
from common.db.database import Database
from common.jobs.jobs import Jobs
from common.jobs.worker import Worker
from common.messaging import outbox
from common.messaging.consumer import Consumer, Handlers
from common.messaging.nats import Bus
from common.messaging.outbox import Relay
from common.resilience.lasting import LastingThread
from common.rpc import channels, identity, tls
from common.rpc.server import Server, Servicers
from common.upkeep import retention
from common.upkeep.retention import Purges
from common.upkeep.upkeep import Upkeep

log = logging.getLogger(__name__)

GRACE = 10.0
"""Seconds that running calls have to finish at shutdown."""
_CHECK = 1.0  # seconds between readiness checks


class Service:
    """A service's process: create it, register RPCs, handlers, and jobs, then run it."""

    def __init__(self, name: str, settings: ServiceSettings) -> None:
        telemetry.configure(name, settings.otel_exporter_otlp_endpoint, settings.log_level)
        self.name = name
        self.package = name.replace("-", "_")
        self.settings = settings
        self.clock = clocks.clock(settings.clock_file)
        encryption.use(encryption.KeyRing(settings.encryption_keys, settings.blind_index_key))
        self.database = Database(
            settings.database_url,
            settings.connections,
            service=name,
            clock=self.clock,
            max_wait=settings.turn_seconds,
        )
        self.bus = Bus(settings.nats_url, name, authorities=settings.nats_ca)
        self.signer = identity.Signer(name, settings.identity_key)
        self._certificates = tls.certificates(settings.tls_folder)
        self.server = Server(
            identity.Verifier(settings.identity_keys), settings.grpc_workers, self._certificates
        )
        self.server.add([(add_AuditServiceServicer_to_server, AuditServicer(self.database))])
        self._relay = Relay(self.database, self.bus)
        self._sealer = Sealer(self.database)
        self._consumer: Consumer | None = None
        self._worker: Worker | None = None
        self.upkeep = Upkeep(self.database, self.clock)
        self._checks: dict[str, Callable[[], bool]] = {"database": self._schema_is_ready}
        self._schema_found = False
        self._stopping = threading.Event()
        self._readiness = LastingThread("readiness", self._watch, self._stopping)

    def channel(self, target: str) -> grpc.Channel:
        """Return a channel to another service, such as `dns:///booking:50051`."""
        return channels.channel(
            target,
            self.signer,
            self.settings.call_seconds,
            most=max(1, self.settings.grpc_workers * 3 // 4),
            max_wait=self.settings.turn_seconds,
            certificates=self._certificates,
        )

    def add(self, servicers: Servicers) -> None:
        """Serve the RPCs of these servicers."""
        self.server.add(servicers)

    def handle(self, handlers: Handlers) -> None:
        """Handle events with these handlers, once in all replicas of the service."""
        self._consumer = Consumer(self.name, self.database, self.bus, handlers)

    def work(self, jobs: Jobs, peers: Any = None) -> None:
        """Do jobs with these handlers; `peers` holds the adapters that the handlers use."""
        self._worker = Worker(self.database, self.clock, jobs, peers)

    def retain(self, purges: Purges) -> None:
        """Remove old data with these functions, by the setting RETENTION (spec PF-10)."""
        self.upkeep.retain(retention.shared(purges), self.settings.retention)

    def check(self, name: str, ready: Callable[[], bool]) -> None:
        """Add a condition for readiness: `ready` returns True and does not raise."""
        self._checks[name] = ready

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stopping.set())
        self.start()
        self._stopping.wait()
        self.stop()

    def start(self) -> int:
        """Start all parts and return the port of the gRPC server."""
        self.bus.start()
        if self.settings.health_listen:
            self.server.listen_for_health(self.settings.health_listen)
        port = self.server.listen(self.settings.listen)
        parts = [part for part in self._parts() if part]
        for part in parts:
            part.start()
        self._checks["threads"] = lambda: all(part.is_well() for part in (self.bus, *parts))
        self._readiness.start()
        self.database.report_usage()
        outbox.begin_counts(self.package)
        gauges.waiting_work(self.name, self.database, self.bus, self.clock, self._stopping)
        reencryption.watch(self.database)
        log.info("serving", extra={"address": self.settings.listen, "port": port})
        return port

    def stop(self) -> None:
        """Finish running calls, events, and jobs, then close all connections."""
        self._stopping.set()
        self.server.stop(GRACE)
        for part in self._parts():
            if part:
                part.stop()
        self.bus.close()
        self.database.close()
        telemetry.shutdown()
        log.info("stopped")

    def _parts(self) -> tuple[Any, ...]:
        """Return what has threads of its own, in the order in which it is stopped."""
        return self._consumer, self._worker, self.upkeep, self._relay, self._sealer

    def _watch(self) -> None:
        ready: bool | None = None
        while not self._stopping.is_set():
            failing = [name for name, check in self._checks.items() if not _passes(check)]
            if ready != (not failing):
                ready = not failing
                self.server.set_ready(ready)
                log.info("ready" if ready else "not ready", extra={"failing": failing})
            self._stopping.wait(_CHECK if ready else 0.1)

    def _schema_is_ready(self) -> bool:
        """Return whether the schema is new enough. Once it was, only ping the database."""
        if self._schema_found:
            self.database.ping()
        else:
            self._schema_found = schema.is_ready(self.package, self.database)
        return self._schema_found


def _passes(check: Callable[[], bool]) -> bool:
    try:
        return check()
    except Exception:  # any failure means not ready
        return False
