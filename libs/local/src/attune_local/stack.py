"""A stack: all of Attune on one machine, with databases, NATS, keys, services, and gateway.

`attune up` runs a stack for a person, and the integration tests run stacks of their own.
"""

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import grpc
import psycopg
from grpc_health.v1 import health_pb2, health_pb2_grpc
from psycopg import sql

from attune_local.servers import Nats, Postgres, StartupError, free_port, spawn, stop
from common import audit
from common.db import encryption, migrations
from common.rpc import channels, identity, tls
from common.services import GATEWAY, OPERATOR, SERVICES, package

_STOP = 15.0  # seconds that a process has to end


@dataclass(frozen=True)
class Secrets:
    """The passwords and keys of a stack, created once for a data folder."""

    database_password: str
    owner_password: str
    blind_index_key: str
    session_key: str
    encryption_keys: dict[str, str]
    identity_keys: dict[str, tuple[str, str]]  # issuer → private, public

    @classmethod
    def load(cls, path: Path) -> "Secrets":
        """Load the secrets from `path`, creating the file on first use.

        A service that is not yet in the file gets its keys.
        """
        if path.exists():
            loaded = cls(**json.loads(path.read_text()))
        else:
            loaded = cls(
                database_password=secrets.token_urlsafe(18),
                owner_password=secrets.token_urlsafe(9),
                blind_index_key=encryption.new_key(),
                session_key=secrets.token_urlsafe(32),
                encryption_keys={},
                identity_keys={},
            )
        names = (*SERVICES, GATEWAY)
        if not {*names, OPERATOR} <= loaded.identity_keys.keys():
            new_keys = {name: f"k1:{encryption.new_key()}" for name in names}
            new_pairs = {name: identity.new_key_pair() for name in (*names, OPERATOR)}
            loaded = replace(
                loaded,
                encryption_keys={**new_keys, **loaded.encryption_keys},
                identity_keys={**new_pairs, **loaded.identity_keys},
            )
            loaded.save(path)
        return loaded

    def save(self, path: Path) -> None:
        """Write the secrets to `path`, readable only by its owner.

        The file is replaced as a whole, so a crash leaves either the old or the new secrets.
        """
        written = path.with_suffix(".new")
        written.unlink(missing_ok=True)
        written.touch(mode=0o600)
        written.write_text(json.dumps(vars(self), indent=1))
        written.replace(path)

    @property
    def public_keys(self) -> str:
        """The value of IDENTITY_KEYS."""
        return ",".join(f"{name}:{public}" for name, (_, public) in self.identity_keys.items())


@dataclass
class Process:
    """One running process of a service."""

    name: str
    port: int
    log: Path
    env: dict[str, str] = field(repr=False)  # contains keys
    handle: "subprocess.Popen[bytes]"


@dataclass
class Stack:
    """The servers and processes of one data folder.

    `port` is the gateway's. `extra` is added to the environment of every process. `replicas` is the
    number of processes of each service that has more than one. With `tls_folder` the services use
    mutual TLS, with the certificates in its folders `booking`, `gateway`, `operator`, and so on.
    """

    folder: Path
    port: int
    extra: Mapping[str, str] = field(default_factory=dict)
    replicas: Mapping[str, int] = field(default_factory=dict)
    postgres_url: str = ""  # superuser's URL of a server to use instead of starting one
    nats_url: str = ""  # URL of a server to use instead of starting one
    tls_folder: Path | None = None

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.secrets = Secrets.load(self.folder / "secrets.json")
        self.postgres: Postgres | None = None
        self.nats: Nats | None = None
        self.processes: list[Process] = []
        self.ports = {
            name: [free_port() for _ in range(self.replicas.get(name, 1))] for name in SERVICES
        }

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start servers, migrate, start all processes, and wait until they are ready.

        Raises StartupError.
        """
        self.start_servers()
        for service in (*SERVICES, GATEWAY):
            self._make_database(service)
            owner = self.database_url(service, owner=True)
            migrations.migrate(package(service), owner, package(service))
            keys = encryption.KeyRing(
                self.secrets.encryption_keys[service], self.secrets.blind_index_key
            )
            audit.seal_genesis(owner, audit.Chain(service, keys))
        for service in SERVICES:
            for port in self.ports[service]:
                self.start_service(service, port)
        self.start_service(GATEWAY, self.port)
        for process in self.processes:
            self.await_ready(process)

    def start_servers(self) -> None:
        """Start PostgreSQL and NATS, but no services."""
        if not self.postgres_url:
            folder = self.folder / "postgres"
            self.postgres = Postgres(folder, free_port(), self.secrets.database_password)
            self.postgres.start()
            self.postgres_url = self.postgres.url
        if not self.nats_url:
            self.nats = Nats(self.folder / "nats", free_port())
            self.nats.start()
            self.nats_url = self.nats.url

    def stop(self) -> None:
        """Stop all processes and servers, the gateway first and PostgreSQL last."""
        for process in reversed(self.processes):
            process.handle.send_signal(signal.SIGTERM)
        for process in reversed(self.processes):
            stop(process.handle, signal.SIGTERM, _STOP)
        self.processes.clear()
        if self.nats:
            self.nats.stop()
        if self.postgres:
            self.postgres.stop()

    def start_service(self, service: str, port: int) -> Process:
        """Start one process of a service, which appends to a log in `<folder>/logs`."""
        log = self.folder / "logs" / f"{service}-{port}.log"
        log.parent.mkdir(exist_ok=True)
        env = {**os.environ, **self.environment(service, port)}
        with log.open("ab") as output:
            handle = spawn([sys.executable, "-m", package(service)], env=env, output=output)
        process = Process(service, port, log, env, handle)
        self.processes.append(process)
        return process

    def restart(self, process: Process) -> Process:
        """Start a process that has ended again, on the same port."""
        self.processes.remove(process)
        return self.start_service(process.name, process.port)

    def environment(self, service: str, port: int) -> dict[str, str]:
        """Return the environment variables of a service's process (`common.config`)."""
        env = {
            "ENVIRONMENT": "development",
            "PYTHONTZPATH": "",
            "PYTHONUNBUFFERED": "1",
            "DATABASE_URL": self.database_url(service),
            "NATS_URL": self.nats_url,
            "LISTEN": f"127.0.0.1:{port}",
            "IDENTITY_KEY": self.secrets.identity_keys[service][0],
            "IDENTITY_KEYS": self.secrets.public_keys,
            "ENCRYPTION_KEYS": self.secrets.encryption_keys[service],
            "BLIND_INDEX_KEY": self.secrets.blind_index_key,
            "SESSION_KEY": self.secrets.session_key,
            "PUBLIC_URL": self.url,
            "CHANNEL": "development",
            "OTEL_SERVICE_NAME": service,
            # All people on this machine have the same address.
            "LIMIT_REQUESTS": "1000000/minute",
            "LIMIT_WRITES": "100000/minute",
            "LIMIT_PUBLIC_WRITES": "100000/minute",
            "LIMIT_SIGN_INS": "1000/minute",
        }
        if self.tls_folder:
            env["TLS_FOLDER"] = str(self.tls_folder / service)
            if service != GATEWAY:
                env["HEALTH_LISTEN"] = f"127.0.0.1:{free_port()}"
        for name in SERVICES:
            env[f"{package(name).upper()}_TARGET"] = self.target(name)
        return {**env, **self.extra}

    def target(self, service: str) -> str:
        """Return the gRPC target of a service, with the addresses of all replicas."""
        addresses = ",".join(f"127.0.0.1:{port}" for port in self.ports[service])
        return f"ipv4:{addresses}"

    def database_url(self, service: str, *, owner: bool = False) -> str:
        """Return the URL of a service's database, for the service's role or the schema's owner."""
        name = package(service)
        role = f"{name}_owner" if owner else name
        host = self.postgres_url.rpartition("@")[2].partition("/")[0]
        return f"postgresql://{role}:{self.secrets.database_password}@{host}/{name}"

    def _make_database(self, service: str) -> None:
        make_database(self.postgres_url, package(service), self.secrets.database_password)

    def await_ready(self, process: Process, seconds: float = 60) -> None:
        """Wait until a process is ready.

        Raises StartupError, with the end of the log, if the process ends or takes too long.
        """
        end = time.monotonic() + seconds
        while not _is_ready(process):
            if process.handle.poll() is not None or time.monotonic() > end:
                tail = process.log.read_text(errors="replace")[-3000:]
                raise StartupError(f"{process.name} did not become ready:\n{tail}")
            time.sleep(0.05)

    def operator_channel(self, service: str, port: int | None = None) -> grpc.Channel:
        """Return a channel to a service, or to its process at a port, whose calls are made as
        `service:operator`."""
        target = f"ipv4:127.0.0.1:{port}" if port else self.target(service)
        signer = identity.Signer(OPERATOR, self.secrets.identity_keys[OPERATOR][0])
        folder = str(self.tls_folder / OPERATOR) if self.tls_folder else ""
        return channels.channel(target, signer, timeout=10, certificates=tls.certificates(folder))


def make_database(superuser_url: str, name: str, password: str) -> None:
    """Create a database with two roles, unless they exist.

    `<name>_owner` owns the schema. `<name>` reads and writes rows and cannot bypass row-level
    security. No other role may connect.
    """
    with psycopg.connect(f"{superuser_url}/postgres", autocommit=True) as server:
        for role in (f"{name}_owner", name):
            exists = server.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
            verb = sql.SQL("ALTER" if exists else "CREATE")
            server.execute(
                sql.SQL("{} ROLE {} LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD {}").format(
                    verb, sql.Identifier(role), sql.Literal(password)
                )
            )
        known = server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
        if not known:
            server.execute(
                sql.SQL("CREATE DATABASE {} OWNER {}").format(
                    sql.Identifier(name), sql.Identifier(f"{name}_owner")
                )
            )
        for rights in (
            "REVOKE ALL ON DATABASE {0} FROM PUBLIC",
            "GRANT CONNECT ON DATABASE {0} TO {0}",
        ):
            server.execute(sql.SQL(rights).format(sql.Identifier(name)))


def _is_ready(process: Process) -> bool:
    if process.name == GATEWAY:
        return _http_ok(process.port)
    address = process.env.get("HEALTH_LISTEN") or f"127.0.0.1:{process.port}"
    with grpc.insecure_channel(address) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        request = health_pb2.HealthCheckRequest(service="readiness")
        try:
            answer = stub.Check(request, timeout=1)
        except grpc.RpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def _http_ok(port: int) -> bool:
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
