"""Configuration from environment variables, read once at start."""

import os
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, Self, get_type_hints

from common.resilience.bulkhead import MAX_WAIT
from common.resilience.deadline import CALL


class Misconfigured(SystemExit):
    """A variable is missing or invalid. The process ends with a message that names the variable."""


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
            text = _read(name, env)
            if text is not None:
                values[field.name] = _parse(name, hints[field.name], text)
            elif field.default is MISSING:
                raise Misconfigured(f"{name} is not set (nor {name}_FILE)")
        return cls(**values)


def _read(name: str, env: Mapping[str, str]) -> str | None:
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
    grpc_workers: int = 16
    # Seconds that a call to another service may take, unless less time is left for the request.
    call_seconds: float = CALL
    # Seconds that a call waits for a permit while too many calls are under way.
    turn_seconds: float = MAX_WAIT
    # Changes of how long data is kept: "notices=200d;notes=off" (`common.upkeep.retention`).
    retention: str = ""
    # "development" enables features that only developers may see.
    environment: str = "production"
    # A file with the seconds to add to the clock, for tests and rehearsals.
    clock_file: str = ""

    @property
    def development(self) -> bool:
        return self.environment == "development"
