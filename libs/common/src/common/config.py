"""Configuration from environment variables, read once at start.

What a service reads is a field of its settings class (`<package>/settings.py`) and nothing else is
read from the environment, except the `OTEL_*` variables that OpenTelemetry reads by itself.
"""

import os
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, Self, get_type_hints
from urllib.parse import urlsplit

from common.resilience.bulkhead import MAX_WAIT
from common.resilience.deadline import CALL

JOB_THREADS = 4
"""Threads for jobs that get a connection at once; further threads wait for one."""


class Misconfigured(SystemExit):
    """A variable is missing or invalid. The process ends with a message that names the variable."""


_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_ENVIRONMENTS = ("production", "development")


@dataclass(frozen=True)
class Settings:
    """Base of settings classes: a field `grpc_workers: int` is read from GRPC_WORKERS.

    A field without a default is required. A variable GRPC_WORKERS_FILE may name a file that
    contains the value instead, such as a mounted secret.
    """

    @classmethod
    def from_env(cls, env: Mapping[str, str] = os.environ) -> Self:
        """Return the settings read from `env`. Raises Misconfigured."""
        hints = get_type_hints(cls)
        values: dict[str, Any] = {}
        for field in fields(cls):
            name = field.name.upper()
            text = read(name, env)
            if text is not None:
                values[field.name] = _parse(name, hints[field.name], text)
            elif field.default is MISSING:
                raise Misconfigured(f"{name} is not set (nor {name}_FILE)")
        return cls(**values)


def read(name: str, env: Mapping[str, str]) -> str | None:
    """Return the value of a variable, or of the file that <name>_FILE names; None without either.

    Raises Misconfigured if the file cannot be read.
    """
    path = env.get(f"{name}_FILE")
    if path is None:
        return env.get(name)
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().strip()
    except OSError as error:
        raise Misconfigured(f"{name}_FILE cannot be read: {error}") from error


def _parse(name: str, kind: type, text: str) -> object:
    if kind is bool:
        if text.lower() not in {"true", "false", "1", "0"}:
            raise Misconfigured(f"{name} must be true or false")
        return text.lower() in {"true", "1"}
    try:
        return kind(text)
    except ValueError as error:
        raise Misconfigured(f"{name} must be of type {kind.__name__}") from error


@dataclass(frozen=True, kw_only=True)
class ServiceSettings(Settings):
    """The settings that every service has."""

    database_url: str
    nats_url: str
    # The service's own Ed25519 key, 32 bytes in Base64, which signs its identity.
    identity_key: str
    # The public keys of trusted issuers: "gateway:BASE64,booking:BASE64".
    identity_keys: str
    # Keys of 32 bytes: "k2:BASE64,k1:BASE64". The first encrypts, all decrypt (spec PF-7).
    encryption_keys: str
    # The key of blind indexes, 32 bytes in Base64. A new key would need all rows to be re-indexed.
    blind_index_key: str
    listen: str = "127.0.0.1:50051"
    # The address of a second gRPC port that serves the health service only, without TLS; empty:
    # none. The probes of Kubernetes speak no TLS.
    health_listen: str = ""
    # The authorities, in PEM, that sign the certificate of a NATS server at a tls:// address;
    # empty: those that the system trusts.
    nats_ca: str = ""
    # A folder with tls.crt, tls.key, and ca.crt, for mutual TLS between services; empty: no TLS.
    tls_folder: str = ""
    grpc_workers: int = 16
    # Seconds that a call to another service may take, unless less time is left for the request.
    call_seconds: float = CALL
    # Seconds that a call waits for a permit while too many calls are under way.
    turn_seconds: float = MAX_WAIT
    # "development" enables features that only developers may see.
    environment: str = "production"
    # The least level of Attune's own log lines.
    log_level: str = "INFO"
    # Where traces and metrics go, by OTLP over gRPC: http://collector:4317; empty: nowhere.
    otel_exporter_otlp_endpoint: str = ""
    # A file with the seconds to add to the clock, for tests and rehearsals.
    clock_file: str = ""

    def __post_init__(self) -> None:
        """Check the values. Raises Misconfigured."""
        _check_address("LISTEN", self.listen)
        if self.health_listen:
            _check_address("HEALTH_LISTEN", self.health_listen)
        for name in ("grpc_workers", "call_seconds", "turn_seconds"):
            if getattr(self, name) <= 0:
                raise Misconfigured(f"{name.upper()} must be above 0, not {getattr(self, name)}")
        _check_choice("LOG_LEVEL", self.log_level.upper(), _LEVELS)
        _check_choice("ENVIRONMENT", self.environment, _ENVIRONMENTS)
        endpoint = self.otel_exporter_otlp_endpoint
        if endpoint and urlsplit(endpoint).scheme not in {"http", "https"}:
            raise Misconfigured(
                f"OTEL_EXPORTER_OTLP_ENDPOINT must begin with http:// or https://, not {endpoint!r}"
            )

    @property
    def development(self) -> bool:
        return self.environment == "development"

    @property
    def connections(self) -> int:
        """The most connections to the database that a process opens.

        Each worker has one, and so do relay, sealer, consumer, readiness, and the jobs' threads.
        """
        return self.grpc_workers + 4 + JOB_THREADS


def _check_address(name: str, address: str) -> None:
    """Raise Misconfigured unless `address` is a host and a port."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65_535:
        raise Misconfigured(
            f"{name} must be a host and a port, such as 0.0.0.0:50051, not {address!r}"
        )


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise Misconfigured(f"{name} must be one of {', '.join(choices)}, not {value!r}")
