"""Configuration from the environment, read once at start, failing with the variable's name."""

import os
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, Self, get_type_hints

from common.resilience.bulkhead import MAX_WAIT
from common.resilience.deadline import CALL


class Misconfigured(SystemExit):
    """A variable is missing or unreadable; the process ends with a line that names it."""


@dataclass(frozen=True)
class Settings:
    """A field `grpc_workers: int` is read from GRPC_WORKERS; one without a default must be set.

    A value may be given in a file instead, named by the variable with `_FILE` behind it
    (mounted secrets).
    """

    @classmethod
    def from_env(cls, env: Mapping[str, str] = os.environ) -> Self:
        """Read every field, or raise Misconfigured."""
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
    """What every service reads."""

    database_url: str
    nats_url: str
    # This service's own Ed25519 key, base64 of its 32 bytes; signs what it says of itself.
    identity_key: str
    # "gateway:BASE64,booking:BASE64": whose word is believed, by public key.
    identity_keys: str
    # "k2:BASE64,k1:BASE64" of 32 bytes each; the first encrypts, all decrypt (spec PF-7).
    encryption_keys: str
    # Base64 of 32 bytes; makes blind indexes. Cannot be rotated without re-indexing.
    blind_index_key: str
    listen: str = "127.0.0.1:50051"
    grpc_workers: int = 16
    # Seconds that a call to another service may take, unless less is left of the caller's own.
    call_seconds: float = CALL
    # Seconds that a call waits for its turn where too many are under way.
    turn_seconds: float = MAX_WAIT
    # "development" opens what only a developer may see.
    environment: str = "production"
    # A file with seconds to add to the clock, for tests and rehearsals.
    clock_file: str = ""

    @property
    def development(self) -> bool:
        return self.environment == "development"
