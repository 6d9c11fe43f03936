"""The places where an unauthorized person might look."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from psycopg import sql

from attune_local.stack import Stack
from attune_testing.waiting import until
from common.messaging.nats import Bus
from common.services import GATEWAY, SERVICES, package
from tests.collector import Collector
from tests.personal_data.seeds import Found, Needles, search

Place = tuple[str, bytes]
"""A name, and what is there."""


class Places:
    """The places of one stack with its own servers and collector."""

    def __init__(self, stack: Stack, collector: Collector) -> None:
        self._stack = stack
        self._collector = collector
        self.errors: list[str] = []
        """What callers were told went wrong, noted by whoever asked."""

    def all(self) -> dict[str, Callable[[], Iterator[Place]]]:
        """Return every kind of place."""
        return {
            "logs": self.logs,
            "telemetry": self.telemetry,
            "messages": self.messages,
            "files of NATS": self.nats_files,
            "errors": lambda: iter([("errors", "\n".join(self.errors).encode())]),
            "rows": self.rows,
            "log of PostgreSQL": self.postgres_log,
            "files of PostgreSQL": self.postgres_files,
            "statements": self.statements,
            "processes": self.processes,
        }

    def find(self, needles: Needles) -> list[Found]:
        """Return the needles found anywhere."""
        return [
            found
            for place in self.all().values()
            for name, content in place()
            for found in search(name, content, needles)
        ]

    def logs(self) -> Iterator[Place]:
        """Yield everything that the services have logged or printed."""
        yield from _files(self._stack.folder / "logs")

    def telemetry(self) -> Iterator[Place]:
        """Yield spans and metrics, with the names of their services and scopes."""
        for number, request in enumerate(self._collector.received()):
            yield f"telemetry {number}", request.SerializeToString()

    def await_metrics(self) -> None:
        """Wait until every service has sent metrics again, so that everything counted so far has
        arrived."""
        before = len(self._collector.received())

        def told() -> set[str]:
            return {
                attribute.value.string_value
                for request in self._collector.received()[before:]
                if isinstance(request, ExportMetricsServiceRequest)
                for resource in request.resource_metrics
                for attribute in resource.resource.attributes
                if attribute.key == "service.name"
            }

        until(told, lambda found: found == {*SERVICES, GATEWAY})

    def messages(self) -> Iterator[Place]:
        """Yield every message of every stream: subject, headers, payload."""
        with Bus(self._stack.nats_url, "tests") as bus:
            bus.start()
            assert bus.wait(60)
            yield from bus.run(_messages(bus), timeout=60)

    def nats_files(self) -> Iterator[Place]:
        """Yield the files and the log of NATS."""
        yield from _files(self._stack.folder / "nats")

    def rows(self) -> Iterator[Place]:
        """Yield every column of every row; binary columns also as they are."""
        for service in (*SERVICES, GATEWAY):
            with self.database(service) as connection:
                tables = connection.execute(
                    "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
                ).fetchall()
                for (table,) in tables:
                    rows = connection.execute(
                        sql.SQL("SELECT t::text, t.* FROM {} AS t").format(sql.Identifier(table))
                    ).fetchall()
                    parts = [part for row in rows for part in row if isinstance(part, str | bytes)]
                    content = b"\n".join(p.encode() if isinstance(p, str) else p for p in parts)
                    yield f"{service} {table}", content

    def postgres_log(self) -> Iterator[Place]:
        """Yield PostgreSQL's log, with failed statements."""
        yield "log of PostgreSQL", (self._data_directory().parent / "log").read_bytes()

    def postgres_files(self) -> Iterator[Place]:
        """Yield tables, indexes, and the write-ahead log, as a backup or a stolen disk has them,
        including data that was deleted but not yet overwritten."""
        with self.database(GATEWAY) as connection:
            connection.execute("CHECKPOINT")
        yield from _files(self._data_directory())

    def statements(self) -> Iterator[Place]:
        """Yield the last statement of every connection."""
        with self.database(GATEWAY) as connection:
            found = connection.execute("SELECT query FROM pg_stat_activity").fetchall()
        yield "statements", "\n".join(query or "" for (query,) in found).encode()

    def processes(self) -> Iterator[Place]:
        """Yield the command lines, which every user of the machine can see."""
        for one in psutil.Process().children(recursive=True):
            with suppress(psutil.NoSuchProcess):  # it has ended meanwhile
                yield "processes", " ".join(one.cmdline()).encode()

    @contextmanager
    def database(self, service: str) -> Iterator["psycopg.Connection[Any]"]:
        """Open a service's database as superuser."""
        url = f"{self._stack.postgres_url}/{package(service)}"
        with psycopg.connect(url, autocommit=True) as connection:
            yield connection

    def _data_directory(self) -> Path:
        with self.database(GATEWAY) as connection:
            row = connection.execute("SHOW data_directory").fetchone()
        assert row
        return Path(row[0])


def _files(folder: Path) -> Iterator[Place]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            try:
                yield str(path), path.read_bytes()
            except FileNotFoundError:
                continue  # a temporary one


async def _messages(bus: Bus) -> list[Place]:
    jetstream = bus.jetstream
    found: list[Place] = []
    for stream in await jetstream.streams_info():
        name = stream.config.name or ""
        for sequence in range(max(stream.state.first_seq, 1), stream.state.last_seq + 1):
            message = await jetstream.get_msg(name, sequence)
            told = f"{message.subject}\n{message.headers}\n".encode()
            found.append((f"message {name} {sequence}", told + (message.data or b"")))
    return found
