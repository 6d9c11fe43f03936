"""Mutual TLS between services, with certificates from files (spec PF-9).

A folder has the files tls.crt, tls.key, and ca.crt, as cert-manager's Secrets are mounted. Both
sides of a connection show a certificate that an authority in ca.crt has signed. When the files
change, new connections use the new ones; open connections go on until they are renewed
(`common.rpc.server`).
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from weakref import WeakSet

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)
from opentelemetry.metrics import CallbackOptions, Observation

from common import telemetry
from common.config import Misconfigured
from common.resilience import deadline

log = logging.getLogger(__name__)

CERTIFICATE, KEY, AUTHORITIES = _FILES = "tls.crt", "tls.key", "ca.crt"
_CHECK = 1.0  # seconds between looks at the files
_RETIRE = 2 * deadline.LONGEST  # seconds until the last call of a replaced channel has ended

_all: "WeakSet[Certificates]" = WeakSet()


@dataclass(frozen=True)
class _Loaded:
    """The contents of the files at one time."""

    seen: tuple[tuple[int, int, int], ...]
    expiry: float
    key: bytes
    chain: bytes
    authorities: bytes

    # Made when they are used: gRPC's objects do not survive a fork.
    @cached_property
    def server(self) -> grpc.ServerCertificateConfiguration:
        return grpc.ssl_server_certificate_configuration([(self.key, self.chain)], self.authorities)

    @cached_property
    def channel(self) -> grpc.ChannelCredentials:
        return grpc.ssl_channel_credentials(self.authorities, self.key, self.chain)


class Certificates:
    """A process's certificate and key, and the authorities that it trusts.

    Raises Misconfigured if the files in `folder` are missing or do not belong together. Later
    versions that are no better are logged, and the last good one stays in use.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._checked = time.monotonic()
        self._refused: object = None
        try:
            self._loaded = self._load(self._seen())
        except (OSError, ValueError) as error:
            raise Misconfigured(f"TLS_FOLDER: {error}") from error
        _all.add(self)

    @property
    def expiry(self) -> float:
        """The Unix time at which the certificate expires."""
        return self.current().expiry

    def current(self) -> _Loaded:
        """Return what is in use, after a look at the files at most once a second."""
        now = time.monotonic()
        if now - self._checked > _CHECK and self._lock.acquire(blocking=False):
            try:
                self._checked = now
                self._renew()
            finally:
                self._lock.release()
        return self._loaded

    def server_credentials(self) -> grpc.ServerCredentials:
        """Return credentials of a server that requires certificates of its callers."""
        served = self.current()

        def fetch() -> grpc.ServerCertificateConfiguration | None:
            nonlocal served
            newest = self.current()
            if newest is served:
                return None
            served = newest
            return newest.server

        return grpc.dynamic_ssl_server_credentials(
            served.server,
            fetch,  # type: ignore[arg-type]  # None means no change; the stubs miss it
            require_client_authentication=True,
        )

    def _renew(self) -> None:
        try:
            seen = self._seen()
            if seen in (self._loaded.seen, self._refused):
                return
            self._refused = seen
            self._loaded = self._load(seen)
        except (OSError, ValueError) as error:
            # While the files are being replaced they may not fit together.
            log.error("cannot renew the certificate: %s", error)
        else:
            log.info("the certificate is renewed", extra={"expiry": int(self._loaded.expiry)})

    def _seen(self) -> tuple[tuple[int, int, int], ...]:
        """Return what changes whenever a file changes. Raises OSError if a file is missing."""
        found = [(self._folder / name).stat() for name in _FILES]
        return tuple((file.st_mtime_ns, file.st_ino, file.st_size) for file in found)

    def _load(self, seen: tuple[tuple[int, int, int], ...]) -> _Loaded:
        """Raises OSError or ValueError, whose text names the file and quotes nothing of it."""
        chain, key, authorities = ((self._folder / name).read_bytes() for name in _FILES)
        certificates = self._parse(CERTIFICATE, x509.load_pem_x509_certificates, chain)
        private = self._parse(KEY, lambda text: load_pem_private_key(text, None), key)
        self._parse(AUTHORITIES, x509.load_pem_x509_certificates, authorities)
        if _public(certificates[0]) != _public(private):
            raise ValueError(f"{self._folder / KEY} is not the key of {CERTIFICATE}")
        return _Loaded(
            seen,
            min(certificate.not_valid_after_utc.timestamp() for certificate in certificates),
            key,
            chain,
            authorities,
        )

    def _parse(self, name: str, parse: Callable[[bytes], Any], text: bytes) -> Any:
        try:
            return parse(text)
        except (ValueError, TypeError) as error:
            wanted = "an unencrypted private key" if name == KEY else "certificates"
            raise ValueError(f"{self._folder / name} must hold {wanted} in PEM") from error


def certificates(folder: str) -> Certificates | None:
    """Return the certificates in TLS_FOLDER, or None without one. Raises Misconfigured."""
    return Certificates(Path(folder)) if folder else None


class RenewingChannel(grpc.Channel):
    """A channel whose next call uses the newest certificate.

    `connect` makes a channel with credentials. What `unary_unary` and the others return keeps its
    connection: it is meant for one call, as `grpc.intercept_channel` uses it.
    """

    def __init__(
        self, certificates: Certificates, connect: Callable[[grpc.ChannelCredentials], grpc.Channel]
    ) -> None:
        self._certificates = certificates
        self._connect = connect
        self._lock = threading.Lock()
        self._loaded = certificates.current()
        self._channel = connect(self._loaded.channel)
        self._retired: list[tuple[float, grpc.Channel]] = []

    def _newest(self) -> Any:
        if self._certificates.current() is not self._loaded:
            self._renew()
        return self._channel

    def _renew(self) -> None:
        now = time.monotonic()
        with self._lock:
            newest = self._certificates.current()
            if newest is self._loaded:
                return
            self._retired.append((now + _RETIRE, self._channel))
            self._loaded, self._channel = newest, self._connect(newest.channel)
            over = [channel for end, channel in self._retired if end <= now]
            self._retired = [(end, channel) for end, channel in self._retired if end > now]
        for channel in over:
            channel.close()

    def close(self) -> None:
        with self._lock:
            for _, channel in self._retired:
                channel.close()
            self._channel.close()

    def unary_unary(self, *arguments: Any, **options: Any) -> Any:
        return self._newest().unary_unary(*arguments, **options)

    def unary_stream(self, *arguments: Any, **options: Any) -> Any:
        return self._newest().unary_stream(*arguments, **options)

    def stream_unary(self, *arguments: Any, **options: Any) -> Any:
        return self._newest().stream_unary(*arguments, **options)

    def stream_stream(self, *arguments: Any, **options: Any) -> Any:
        return self._newest().stream_stream(*arguments, **options)

    def subscribe(self, *arguments: Any, **options: Any) -> None:
        self._newest().subscribe(*arguments, **options)

    def unsubscribe(self, *arguments: Any, **options: Any) -> None:
        self._newest().unsubscribe(*arguments, **options)

    def __enter__(self) -> "RenewingChannel":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _public(holder: Any) -> bytes:
    encoded: bytes = holder.public_key().public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    )
    return encoded


def _observe(_options: CallbackOptions) -> Iterator[Observation]:
    if found := [certificates.expiry for certificates in list(_all)]:
        yield Observation(min(found))


telemetry.meter.create_observable_gauge(
    "attune.certificate.expiry",
    [_observe],
    unit="s",
    description="Unix time at which the certificate for TLS between services expires",
)
