"""Attune in containers, run as a cluster runs it: read-only, without capabilities."""

import contextlib
import http.client
import json
import os
import secrets
import shlex
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import psycopg
from grpc_health.v1 import health_pb2, health_pb2_grpc

from attune_local.servers import free_port
from attune_local.stack import Stack, make_database
from attune_testing.waiting import until
from common.services import GATEWAY, SERVICES, package

ROOT = Path(__file__).parents[2]
ALL = (*SERVICES, GATEWAY)
USER = 10001
DOCKER = shlex.split(os.environ.get("DOCKER", "docker"))
HARDENED = (
    *("--read-only", "--tmpfs", "/tmp:rw,noexec,nosuid,nodev,size=64m"),  # noqa: S108  # theirs
    *("--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
)
_SECRETS = "/run/attune/secrets"
_SECRET = (
    *("DATABASE_URL", "NATS_URL", "IDENTITY_KEY", "ENCRYPTION_KEYS"),
    *("BLIND_INDEX_KEY", "SESSION_KEY"),
)
_GRPC, _HTTP = 50051, 8080
_STOP = "40"  # seconds that a container has to end: more than any service gives its calls


def docker(*arguments: str, check: bool = True) -> str:
    """Run a docker command and return what it printed, without its errors. Fails with them."""
    done = subprocess.run([*DOCKER, *arguments], capture_output=True, text=True)
    assert done.returncode == 0 or not check, f"docker {' '.join(arguments)}:\n{done.stderr}"
    return done.stdout


@dataclass
class Images:
    """The images of one build, and the base, PostgreSQL and NATS that they run on."""

    base: str
    postgres: str
    nats: str
    tag: str
    registry: str = "attune-test"
    build_seconds: dict[str, float] = field(default_factory=dict)

    def of(self, service: str) -> str:
        """Return the name of a service's image."""
        return f"{self.registry}/{service}:{self.tag}"

    def build(self) -> None:
        """Build all images by `make images`, and measure each."""
        command = [
            "make",
            "--no-print-directory",
            "images",
            f"IMAGE_REGISTRY={self.registry}",
            f"TAG={self.tag}",
        ]
        command += [f"BASE_IMAGE={self.base}", f"DOCKER={shlex.join(DOCKER)}"]
        began = time.monotonic()
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as made:
            assert made.stdout
            for line in made.stdout:
                service = (
                    line.strip().removeprefix(f"{self.registry}/").removesuffix(f":{self.tag}")
                )
                self.build_seconds[service] = time.monotonic() - began - self.total_seconds
        assert made.returncode == 0, "make images failed"
        assert list(self.build_seconds) == list(ALL)

    @property
    def total_seconds(self) -> float:
        return sum(self.build_seconds.values())

    def inspect(self, service: str) -> dict[str, Any]:
        """Return what Docker knows of a service's image."""
        found: dict[str, Any] = json.loads(docker("image", "inspect", self.of(service)))[0]
        return found

    def run(self, service: str, script: str) -> str:
        """Run a shell script in the image of a service, as its user; return what it printed."""
        options = ("--rm", "--network", "none", *HARDENED, "--entrypoint", "sh")
        return docker("run", *options, self.of(service), "-c", script)


class Attune:
    """PostgreSQL, NATS, and all services in containers on a network of their own.

    `stack` starts nothing: it has the secrets, and finds everything at ports of this machine.
    """

    def __init__(self, images: Images, folder: Path) -> None:
        self.images = images
        self.folder = folder
        self.name = f"attune-test-{secrets.token_hex(3)}"
        self.start_seconds: dict[str, float] = {}
        self._running: list[str] = []
        port = free_port()
        self.stack = Stack(folder / "stack", free_port(), nats_url="nats://nats:4222")
        self.stack.postgres_url = self._superuser(f"127.0.0.1:{port}")
        self._postgres_port = port

    def start(self) -> None:
        """Start everything, migrating each database from the image of its service."""
        docker("network", "create", self.name)
        password = self.stack.secrets.database_password
        self._run(
            *("postgres", "--publish", f"127.0.0.1:{self._postgres_port}:5432"),
            *("--env", f"POSTGRES_PASSWORD={password}"),
            image=(self.images.postgres, "-c", "max_connections=400"),
        )
        self._run("nats", image=(self.images.nats, "-js"))
        until(self._postgres_answers)
        for service in ALL:
            make_database(self.stack.postgres_url, package(service), password)
            self.migrate(service)
        for service in ALL:
            self.start_service(service)

    def stop(self) -> None:
        """Remove all containers and the network."""
        for name in reversed(self._running):
            docker("rm", "--force", "--volumes", f"{self.name}-{name}", check=False)
        docker("network", "rm", self.name, check=False)

    def migrate(self, service: str) -> str:
        """Run `attune migrate` in the image of a service, and return what it printed."""
        url = self._inside(self.stack.database_url(service, owner=True))
        variables = {
            "OWNER_DATABASE_URL": url,
            "DATABASE_ROLE": package(service),
            "BLIND_INDEX_KEY": self.stack.secrets.blind_index_key,
        }
        return self.command(service, variables, "migrate", service)

    def command(self, service: str, variables: dict[str, str], *arguments: str) -> str:
        """Run the `attune` command in the image of a service, and return what it printed."""
        options = ["--rm", "--network", self.name, *HARDENED, *_env(variables)]
        return docker(
            "run", *options, "--entrypoint", "attune", self.images.of(service), *arguments
        )

    def start_service(self, service: str) -> None:
        """Start a service, its secrets in mounted files, and wait until it is ready."""
        inner, outer = _GRPC, self.stack.ports.get(service, [self.stack.port])[0]
        if service == GATEWAY:
            inner = _HTTP
        variables = self.environment(service) | {"LISTEN": f"0.0.0.0:{inner}"}
        folder = self.folder / service
        folder.mkdir()
        for name in _SECRET:
            (folder / name).write_text(variables.pop(name))
            variables[f"{name}_FILE"] = f"{_SECRETS}/{name}"
        began = time.monotonic()
        self._run(
            *(service, "--publish", f"127.0.0.1:{outer}:{inner}", *HARDENED),
            *("--volume", f"{folder}:{_SECRETS}:ro", *_env(variables)),
            image=(self.images.of(service),),
        )
        ready = _http_ready if service == GATEWAY else _grpc_ready
        try:
            until(lambda: ready(outer))
        except AssertionError:
            raise AssertionError(self.logs(service)) from None
        self.start_seconds[service] = time.monotonic() - began

    def environment(self, service: str) -> dict[str, str]:
        """Return the variables of a service, with the addresses of the network."""
        variables = self.stack.environment(service, 0)
        variables["DATABASE_URL"] = self._inside(variables["DATABASE_URL"])
        for name in SERVICES:
            variables[f"{package(name).upper()}_TARGET"] = f"dns:///{name}:{_GRPC}"
        return variables

    def execute(self, service: str, *command: str) -> str:
        """Run a command in the container of a service, and return what it printed."""
        return docker("exec", f"{self.name}-{service}", *command)

    def changes(self, service: str) -> list[str]:
        """Return the paths that a service has changed outside of its mounts."""
        return docker("diff", f"{self.name}-{service}").splitlines()

    def logs(self, service: str) -> str:
        """Return the end of what a service printed."""
        done = subprocess.run(
            [*DOCKER, "logs", "--tail", "30", f"{self.name}-{service}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return done.stdout

    def end(self, service: str) -> int:
        """Stop a service by SIGTERM, and return its exit code."""
        docker("stop", "--time", _STOP, f"{self.name}-{service}")
        state = "{{.State.ExitCode}}"
        return int(docker("inspect", "--format", state, f"{self.name}-{service}"))

    def _run(self, name: str, *options: str, image: tuple[str, ...]) -> None:
        """Start a container, which others find by its name."""
        self._running.append(name)
        docker(
            *("run", "--detach", "--name", f"{self.name}-{name}"),
            *("--network", self.name, "--network-alias", name, *options, *image),
        )

    def _superuser(self, address: str) -> str:
        return f"postgresql://postgres:{self.stack.secrets.database_password}@{address}"

    def _inside(self, url: str) -> str:
        """Return the URL of a database as containers reach it."""
        return url.replace(f"127.0.0.1:{self._postgres_port}", "postgres:5432")

    def _postgres_answers(self) -> bool:
        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(f"{self.stack.postgres_url}/postgres", connect_timeout=2).close()
            return True
        return False


def _env(variables: dict[str, str]) -> list[str]:
    return [word for pair in variables.items() for word in ("--env", "=".join(pair))]


def _grpc_ready(port: int) -> bool:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        try:
            answer = stub.Check(health_pb2.HealthCheckRequest(service="readiness"), timeout=1)
        except grpc.RpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def _http_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
