"""All of Attune with mutual TLS between its services."""

import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from attune.audit.v1.audit_service_pb2 import ListEntriesRequest
from attune.audit.v1.audit_service_pb2_grpc import AuditServiceStub
from attune_local.stack import Process
from attune_testing.certificates import Authority
from common.rpc import tls
from common.services import OPERATOR, SERVICES
from tests.integration.rolling.pairs import HOST, TlsStack
from tests.world import World

pytestmark = pytest.mark.req("PF-9")


@pytest.mark.req("BK-1", "NT-1", "RM-1")
def test_a_client_books_and_both_sides_are_told(paired: TlsStack) -> None:
    world = World.make(paired)
    start = world.a_start()
    body = world.request(start)
    booking = world.book_as(body)
    assert (booking["status"], "join_url" in booking) == ("confirmed", True)
    assert start not in world.slots(revision=booking["revision"])
    [to_client] = world.messages(body["client"]["email"])
    assert booking["manage_url"] in to_client["text"]
    assert booking["join_url"] in to_client["text"]
    assert len(world.messages(f"{world.username}@practice.example")) == 1
    answered = world.public.session.get(f"{paired.url}/readyz", timeout=60).json()
    assert set(answered["dependencies"].values()) == {"ok"}


Credentials = Callable[[TlsStack, Path], grpc.ChannelCredentials]


def _none(stack: TlsStack, _folder: Path) -> grpc.ChannelCredentials:
    return grpc.ssl_channel_credentials(stack.authority.pem.encode())


def _of_another_authority(stack: TlsStack, folder: Path) -> grpc.ChannelCredentials:
    return _credentials(stack, Authority().issue(folder, "gateway"))


def _expired(stack: TlsStack, folder: Path) -> grpc.ChannelCredentials:
    issued = stack.authority.issue(folder, "gateway", valid=timedelta(hours=-1))
    return _credentials(stack, issued)


def _valid(stack: TlsStack, folder: Path) -> grpc.ChannelCredentials:
    return _credentials(stack, stack.authority.issue(folder, "gateway"))


def _credentials(stack: TlsStack, folder: Path) -> grpc.ChannelCredentials:
    shown = [(folder / name).read_bytes() for name in (tls.KEY, tls.CERTIFICATE)]
    return grpc.ssl_channel_credentials(stack.authority.pem.encode(), *shown)


@pytest.mark.parametrize("service", SERVICES)
def test_a_caller_without_a_valid_certificate_is_refused(
    service: str, paired: TlsStack, tmp_path: Path
) -> None:
    address = f"{HOST}:{paired.ports[service][0]}"

    def answer(credentials: Credentials) -> grpc.StatusCode | None:
        with grpc.secure_channel(address, credentials(paired, tmp_path)) as channel:
            return code(channel)

    assert answer(_valid) == grpc.StatusCode.UNAUTHENTICATED, "only the identity is missing"
    for refused in (_none, _of_another_authority, _expired):
        assert answer(refused) == grpc.StatusCode.UNAVAILABLE, refused.__name__
    with grpc.insecure_channel(address) as channel:
        assert code(channel) == grpc.StatusCode.UNAVAILABLE, "without TLS"


@pytest.mark.req("PF-12")
@pytest.mark.parametrize("service", SERVICES)
def test_the_health_port_serves_nothing_but_health(service: str, paired: TlsStack) -> None:
    for process in paired.replicas_of(service):
        with grpc.insecure_channel(_health_address(process)) as channel:
            stub: Any = health_pb2_grpc.HealthStub(channel)
            for part in ("liveness", "readiness"):
                answered = stub.Check(health_pb2.HealthCheckRequest(service=part), timeout=20)
                assert answered.status == health_pb2.HealthCheckResponse.SERVING
            assert code(channel) == grpc.StatusCode.UNIMPLEMENTED


def code(channel: grpc.Channel) -> grpc.StatusCode | None:
    """Return how an RPC that every service has fails, without an identity."""
    stub: Any = AuditServiceStub(channel)
    try:
        stub.ListEntries(ListEntriesRequest(), timeout=20)
    except grpc.RpcError as error:
        failure: Any = error
        found: grpc.StatusCode = failure.code()
        return found
    return None


def _health_address(process: Process) -> str:
    return process.env["HEALTH_LISTEN"]


def test_the_operators_command_uses_it_too(paired: TlsStack, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text(paired.authority.pem)
    (tmp_path / "key").write_text(paired.secrets.identity_keys[OPERATOR][0])
    env = {
        "NATS_URL": paired.nats_url,
        "NATS_CA_FILE": str(tmp_path / "ca.pem"),
        "AVAILABILITY_TARGET": paired.target("availability"),
        "IDENTITY_KEY_FILE": str(tmp_path / "key"),
        "PYTHONTZPATH": "",
    }
    folder = {"TLS_FOLDER": f"{paired.tls_folder}/{OPERATOR}"}
    create = ["practice", "create", "--name", "Elm", "--timezone", "America/New_York"]
    create += ["--currency", "USD", "--address", "1 Elm St", "--phone", "(212) 555-0100"]
    create += ["--email", "desk@elm.example"]
    made = attune(create, {**env, **folder})
    assert (made.returncode, len(made.stdout.strip())) == (0, 36), made.stderr
    assert attune(create, env).returncode != 0, "without its certificate"
    listed = attune(["dead-letters", "list"], {**env, **folder})
    assert (listed.returncode, listed.stdout) == (0, "0 dead letters\n"), listed.stderr


def attune(arguments: list[str], env: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    program = Path(sys.executable).parent / "attune"
    return subprocess.run(
        [program, *arguments], env=env, capture_output=True, text=True, check=False
    )
