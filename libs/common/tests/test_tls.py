"""Mutual TLS between services: who may connect, renewal of certificates, and the health port."""

import logging
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from weakref import WeakSet

import grpc
import pytest
from cryptography import x509
from grpc_health.v1 import health_pb2, health_pb2_grpc

from attune.booking.v1 import occupancy_service_pb2 as pb
from attune.booking.v1.occupancy_service_pb2_grpc import (
    OccupancyServiceServicer,
    OccupancyServiceStub,
    add_OccupancyServiceServicer_to_server,
)
from attune_local.servers import Nats, free_port
from attune_testing import identities
from attune_testing.certificates import Authority
from attune_testing.waiting import until
from common.config import Misconfigured
from common.errors import Unavailable
from common.messaging.nats import Bus
from common.rpc import channels, identity, tls
from common.rpc.access import allow
from common.rpc.server import Server
from common.rpc.tls import Certificates

pytestmark = pytest.mark.req("PF-9")
HOST = "127.0.0.1"
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class Sample(OccupancyServiceServicer):
    """Answers with the number of the certificate that its caller shows."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()

    @allow("occupancy:read")
    def ListTakenTime(  # noqa: N802  # the RPC's name
        self, request: pb.ListTakenTimeRequest, context: Any
    ) -> pb.ListTakenTimeResponse:
        self.entered.set()
        assert self.go_on.wait(60)
        [shown] = context.auth_context()["x509_pem_cert"]
        return pb.ListTakenTimeResponse(revision=number_of(shown))


@dataclass
class Serving:
    """A server with mutual TLS and a health port."""

    server: Server
    sample: Sample
    folder: Path
    port: int
    health_port: int

    @property
    def target(self) -> str:
        return f"ipv4:{HOST}:{self.port}"

    def read(self, certificates: Certificates | None) -> int:
        """Call with these certificates; return the number of the one that the server saw."""
        with channels.channel(
            self.target, identities.signer(), timeout=20, certificates=certificates
        ) as channel:
            return read(OccupancyServiceStub(channel))


def read(stub: Any) -> int:
    return int(stub.ListTakenTime(pb.ListTakenTimeRequest()).revision)


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def serving(authority: Authority, tmp_path: Path) -> Iterator[Serving]:
    folder = authority.issue(tmp_path / "server", HOST, "calendar-sync")
    with serve(folder) as started:
        yield started


@contextmanager
def serve(folder: Path) -> Iterator[Serving]:
    sample = Sample()
    server = Server(identity.Verifier(identities.PUBLIC_KEYS), 4, Certificates(folder))
    server.add([(add_OccupancyServiceServicer_to_server, sample)])
    health_port = server.listen_for_health(f"{HOST}:0")
    port = server.listen(f"{HOST}:0")
    try:
        yield Serving(server, sample, folder, port, health_port)
    finally:
        server.stop(1)


def number_in(folder: Path) -> int:
    return number_of((folder / tls.CERTIFICATE).read_bytes())


def number_of(certificate: bytes) -> int:
    """Return as much of a certificate's serial number as an int64 holds."""
    return x509.load_pem_x509_certificate(certificate).serial_number & 0x7FFF_FFFF


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are looked at whenever a certificate is used."""
    monkeypatch.setattr(tls, "_CHECK", -1.0)


def test_a_caller_with_a_certificate_is_answered(
    serving: Serving, authority: Authority, tmp_path: Path
) -> None:
    folder = authority.issue(tmp_path / "caller", "booking")
    assert serving.read(Certificates(folder)) == number_in(folder)


@pytest.mark.parametrize("case", ["without TLS", "none", "of another authority", "expired"])
def test_whoever_has_no_valid_certificate_is_refused(
    case: str,
    serving: Serving,
    authority: Authority,
    tmp_path: Path,
) -> None:
    folder = tmp_path / "caller"
    issuer = Authority() if case == "of another authority" else authority
    issuer.issue(folder, "booking", valid=timedelta(days=-1 if case == "expired" else 1))
    trusted = authority.pem.encode()
    if case == "without TLS":
        channel = grpc.insecure_channel(f"{HOST}:{serving.port}")
    else:
        shown = [(folder / name).read_bytes() for name in (tls.KEY, tls.CERTIFICATE)]
        credentials = grpc.ssl_channel_credentials(trusted, *([] if case == "none" else shown))
        channel = grpc.secure_channel(f"{HOST}:{serving.port}", credentials)
    with channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        with pytest.raises(grpc.RpcError) as raised:
            stub.Check(health_pb2.HealthCheckRequest(service="liveness"), timeout=20)
    error: Any = raised.value
    assert error.code() == grpc.StatusCode.UNAVAILABLE
    assert not serving.sample.entered.is_set()


@pytest.mark.parametrize("case", ["of another authority", "for another host", "expired"])
def test_a_server_that_is_not_the_one_wanted_gets_no_request(
    case: str, authority: Authority, tmp_path: Path
) -> None:
    issuer = Authority() if case == "of another authority" else authority
    host = "booking" if case == "for another host" else HOST
    folder = issuer.issue(
        tmp_path / "server", host, valid=timedelta(days=-1 if case == "expired" else 1)
    )
    (folder / tls.AUTHORITIES).write_text(authority.pem)  # it takes the caller for a good one
    caller = Certificates(authority.issue(tmp_path / "caller", "booking"))
    with serve(folder) as serving:
        with pytest.raises(Unavailable):
            serving.read(caller)
        assert not serving.sample.entered.is_set()


@pytest.mark.usefixtures("eager")
def test_certificates_are_renewed_while_running(
    serving: Serving, authority: Authority, tmp_path: Path
) -> None:
    folder = authority.issue(tmp_path / "caller", "booking")
    old = number_in(folder)
    channel = channels.channel(
        serving.target, identities.signer(), timeout=20, certificates=Certificates(folder)
    )
    with channel:
        stub = OccupancyServiceStub(channel)
        assert read(stub) == old
        successor = Authority()
        for place, names in ((folder, ["booking"]), (serving.folder, [HOST])):
            successor.issue(place, *names)
            # While some still have the old ones, both authorities are trusted.
            (place / tls.AUTHORITIES).write_text(authority.pem + successor.pem)
        assert read(stub) == number_in(folder) != old
    caller = Certificates(successor.issue(tmp_path / "stranger", "billing"))
    assert serving.read(caller), "it trusts the new authority alone"


@pytest.mark.usefixtures("eager")
def test_a_call_that_runs_is_not_disturbed_by_a_renewal(
    serving: Serving, authority: Authority, tmp_path: Path
) -> None:
    folder = authority.issue(tmp_path / "caller", "booking")
    old = number_in(folder)
    seen: list[int] = []
    serving.sample.go_on.clear()
    with channels.channel(
        serving.target, identities.signer(), timeout=20, certificates=Certificates(folder)
    ) as channel:
        stub = OccupancyServiceStub(channel)
        running = threading.Thread(target=lambda: seen.append(read(stub)))
        running.start()
        assert serving.sample.entered.wait(60)
        authority.issue(folder, "booking")
        serving.sample.go_on.set()
        assert read(stub) == number_in(folder)
        running.join(60)
    assert seen == [old]


@pytest.mark.usefixtures("eager")
def test_new_files_that_are_no_good_change_nothing(
    authority: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = authority.issue(tmp_path / "tls", "booking")
    certificates = Certificates(folder)
    before = certificates.current()
    (folder / tls.KEY).write_bytes(
        (authority.issue(tmp_path / "other", "x") / tls.KEY).read_bytes()
    )
    assert [certificates.current(), certificates.current()] == [before, before]
    words = f"cannot renew the certificate: {folder / tls.KEY} is not the key of {tls.CERTIFICATE}"
    assert caplog.messages == [words], "told once"
    authority.issue(folder, "booking")
    assert certificates.current() != before


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        (tls.CERTIFICATE, None, r"No such file or directory: .*tls\.crt"),
        (tls.CERTIFICATE, "secret", r"tls\.crt must hold certificates in PEM$"),
        (tls.KEY, "secret", r"tls\.key must hold an unencrypted private key in PEM$"),
        (tls.AUTHORITIES, "secret", r"ca\.crt must hold certificates in PEM$"),
    ],
)
def test_files_that_are_no_good_end_the_process_at_start(
    name: str, content: str | None, words: str, authority: Authority, tmp_path: Path
) -> None:
    folder = authority.issue(tmp_path / "tls", "booking")
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_text(content)
    with pytest.raises(Misconfigured, match=f"^TLS_FOLDER: .*{words}"):
        tls.certificates(str(folder))


@pytest.mark.req("PF-12")
def test_the_metric_tells_when_the_first_certificate_expires(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls, "_all", WeakSet())
    soon = authority.issue(tmp_path / "soon", "booking", valid=timedelta(hours=1))
    late = authority.issue(tmp_path / "late", "booking", valid=timedelta(hours=2))
    kept = [Certificates(folder) for folder in (late, soon)]
    found = x509.load_pem_x509_certificate((soon / tls.CERTIFICATE).read_bytes())
    observed: Any = tls._observe(None)  # type: ignore[arg-type]  # it uses no options
    assert [o.value for o in observed] == [found.not_valid_after_utc.timestamp()]
    assert min(certificates.expiry for certificates in kept) == kept[1].expiry


@pytest.mark.req("PF-12")
def test_the_health_port_serves_health_without_tls_and_nothing_else(serving: Serving) -> None:
    with grpc.insecure_channel(f"{HOST}:{serving.health_port}") as channel:
        assert health(channel, "liveness") == SERVING
        serving.server.set_ready(True)
        assert health(channel, "readiness") == SERVING
        stub: Any = OccupancyServiceStub(channel)
        metadata = [(identity.METADATA, identities.signer().for_call())]
        with pytest.raises(grpc.RpcError) as raised:
            stub.ListTakenTime(pb.ListTakenTimeRequest(), metadata=metadata, timeout=20)
        error: Any = raised.value
        assert error.code() == grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.req("PF-12")
def test_while_stopping_the_health_port_says_so(
    serving: Serving, authority: Authority, tmp_path: Path
) -> None:
    certificates = Certificates(authority.issue(tmp_path / "caller", "booking"))
    seen: list[int] = []
    serving.sample.go_on.clear()
    serving.server.set_ready(True)
    running = threading.Thread(target=lambda: seen.append(serving.read(certificates)))
    running.start()
    assert serving.sample.entered.wait(60)
    stopping = threading.Thread(target=serving.server.stop, args=(60,))
    stopping.start()
    with grpc.insecure_channel(f"{HOST}:{serving.health_port}") as channel:
        until(lambda: health(channel, "readiness") == NOT_SERVING)
        assert stopping.is_alive(), "a call is still running"
        serving.sample.go_on.set()
        running.join(60)
        stopping.join(60)
        assert len(seen) == 1
        with pytest.raises(grpc.RpcError):
            health(channel, "readiness")


def health(channel: grpc.Channel, part: str) -> int:
    stub: Any = health_pb2_grpc.HealthStub(channel)
    return int(stub.Check(health_pb2.HealthCheckRequest(service=part), timeout=20).status)


@pytest.fixture
def nats_with_tls(authority: Authority, tmp_path: Path) -> Iterator[str]:
    """Start a NATS server with TLS; return its address."""
    folder = authority.issue(tmp_path / "nats-tls", HOST)
    options = ["--tls", "--tlscert", str(folder / tls.CERTIFICATE), "--tlskey"]
    server = Nats(tmp_path / "nats", free_port(), [*options, str(folder / tls.KEY)])
    server.start()
    yield f"tls://{HOST}:{server.port}"
    server.stop()


def test_nats_is_reached_over_tls(nats_with_tls: str, authority: Authority) -> None:
    with Bus(nats_with_tls, "tests", authorities=authority.pem) as bus:
        bus.start()
        assert bus.wait(60)
        transport: Any = bus._client._transport
        assert isinstance(transport._io_writer.get_extra_info("ssl_object"), ssl.SSLObject)


def test_a_nats_of_another_authority_is_not_talked_to(
    nats_with_tls: str, caplog: pytest.LogCaptureFixture
) -> None:
    with Bus(nats_with_tls, "tests", authorities=Authority().pem) as bus:
        bus.start()
        until(lambda: "NATS: SSLCertVerificationError" in caplog.messages)
        assert not bus.connected


def test_a_nats_without_tls_is_not_talked_to(
    nats_url: str, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    """An address with tls:// means it, whatever answers there."""
    caplog.set_level(logging.WARNING)
    with Bus(nats_url.replace("nats://", "tls://"), "tests", authorities=authority.pem) as bus:
        bus.start()
        until(lambda: "NATS: NoTls" in caplog.messages)
        assert not bus.connected


def test_authorities_that_are_no_certificates_are_named() -> None:
    with pytest.raises(Misconfigured, match="NATS_CA must hold certificates in PEM"):
        Bus(f"tls://{HOST}:4222", "tests", authorities="secret")
