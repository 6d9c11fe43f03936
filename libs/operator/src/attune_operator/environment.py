"""The addresses, databases, and keys of a running Attune."""

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import grpc

from common.config import Misconfigured, read
from common.db import encryption
from common.db.database import Database
from common.rpc import channels, identity, tls
from common.services import GATEWAY, OPERATOR, SERVICES, package

DATA = "ATTUNE_DATA"
_DEFAULT_DATA = ".attune"


def data_folder() -> Path:
    """Return the data folder of `attune up`."""
    return Path(os.environ.get(DATA, _DEFAULT_DATA)).absolute()


def retention() -> str:
    """Return the setting RETENTION, which services read as well (`common.upkeep.retention`)."""
    return read("RETENTION", os.environ) or ""


@dataclass(frozen=True)
class Environment:
    """The addresses, database URLs, and keys of all services, by the services' names."""

    nats_url: str
    operator_key: str
    targets: dict[str, str]
    database_urls: dict[str, str]
    owner_urls: dict[str, str]
    encryption_keys: dict[str, str]
    blind_index_key: str
    nats_ca: str = ""
    tls_folder: str = ""

    def save(self) -> None:
        """Write a file that other commands load, readable only by its owner."""
        path = data_folder() / "environment.json"
        path.touch(mode=0o600)
        path.write_text(json.dumps(asdict(self), indent=1))

    @staticmethod
    def in_environment() -> bool:
        """Return whether environment variables describe the running Attune."""
        return not {"NATS_URL", "NATS_URL_FILE"}.isdisjoint(os.environ)

    @classmethod
    def load(cls) -> "Environment":
        """Return the environment from variables if NATS_URL is set, else from the data folder.

        Raises ClickException if nothing runs in the data folder.
        """
        if cls.in_environment():
            return cls._from_environment()
        path = data_folder() / "environment.json"
        if not path.exists():
            raise click.ClickException(
                f"No Attune is running in {data_folder()}. Start one with `make up`, or set"
                " NATS_URL to use another."
            )
        return cls(**json.loads(path.read_text()))

    @classmethod
    def _from_environment(cls) -> "Environment":
        """Return the environment from variables; a command needs only those that it uses.

        Raises Misconfigured if a file cannot be read that a variable <NAME>_FILE names.
        """

        def value(name: str) -> str:
            return read(name, os.environ) or ""

        def each(pattern: str, names: tuple[str, ...]) -> dict[str, str]:
            found = {name: value(pattern.format(package(name).upper())) for name in names}
            return {name: text for name, text in found.items() if text}

        every = (*SERVICES, GATEWAY)
        return cls(
            nats_url=value("NATS_URL"),
            operator_key=value("IDENTITY_KEY"),
            targets=each("{}_TARGET", SERVICES),
            database_urls=each("{}_DATABASE_URL", every),
            owner_urls=each("{}_OWNER_DATABASE_URL", every),
            encryption_keys=each("{}_ENCRYPTION_KEYS", every),
            blind_index_key=value("BLIND_INDEX_KEY"),
            nats_ca=value("NATS_CA"),
            tls_folder=value("TLS_FOLDER"),
        )

    def channel(self, service: str) -> grpc.Channel:
        """Return a channel to a service whose calls are made as `service:operator`.

        It uses mutual TLS if there is a TLS folder. Raises Misconfigured if the service's address
        or the operator's key is missing.
        """
        if service not in self.targets or not self.operator_key:
            name = f"{package(service).upper()}_TARGET"
            raise Misconfigured(f"Set {name} and IDENTITY_KEY for this command.")
        signer = identity.Signer(OPERATOR, self.operator_key)
        certificates = tls.certificates(self.tls_folder)
        return channels.channel(
            self.targets[service], signer, timeout=10, certificates=certificates
        )

    @contextlib.contextmanager
    def database(self, service: str) -> Iterator[Database]:
        """Open a service's database as the service's role, with the service's keys in use.

        Raises Misconfigured if the service's URL or keys are missing.
        """
        if service not in self.database_urls or service not in self.encryption_keys:
            name = package(service).upper()
            raise Misconfigured(
                f"Set {name}_DATABASE_URL and {name}_ENCRYPTION_KEYS for this command."
            )
        ring = encryption.KeyRing(self.encryption_keys[service], self.blind_index_key)
        with (
            encryption.using(ring),
            contextlib.closing(
                Database(self.database_urls[service], pool_size=1, service=service)
            ) as database,
        ):
            yield database
