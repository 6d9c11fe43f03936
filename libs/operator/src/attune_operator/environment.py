"""The running Attune: addresses, databases and keys of its services."""

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import grpc

from common.config import Misconfigured
from common.db import encryption
from common.db.database import Database
from common.rpc import channels, identity
from common.services import GATEWAY, OPERATOR, SERVICES, package

DATA = "ATTUNE_DATA"
_DEFAULT_DATA = ".attune"


def data_folder() -> Path:
    """The data folder of `attune up`."""
    return Path(os.environ.get(DATA, _DEFAULT_DATA)).absolute()


@dataclass(frozen=True)
class Environment:
    """What an operator needs to reach the services, by their names."""

    nats_url: str
    operator_key: str
    targets: dict[str, str]
    database_urls: dict[str, str]
    owner_urls: dict[str, str]
    encryption_keys: dict[str, str]
    blind_index_key: str

    def save(self) -> None:
        """Keep it for other commands, readable for its owner alone."""
        path = data_folder() / "environment.json"
        path.touch(mode=0o600)
        path.write_text(json.dumps(asdict(self), indent=1))

    @staticmethod
    def in_environment() -> bool:
        """Whether it is an Attune that the environment names."""
        return "NATS_URL" in os.environ

    @classmethod
    def load(cls) -> "Environment":
        """From the environment if NATS_URL is set, else from the data folder."""
        if cls.in_environment():
            return cls._from_environment()
        path = data_folder() / "environment.json"
        if not path.exists():
            raise click.ClickException(
                f"Nothing runs in {data_folder()}: start it with `make up`, or set NATS_URL"
            )
        return cls(**json.loads(path.read_text()))

    @classmethod
    def _from_environment(cls) -> "Environment":
        """In a cluster, each variable is needed only by the commands that use it."""
        env = os.environ

        def each(pattern: str, names: tuple[str, ...]) -> dict[str, str]:
            found = {name: env.get(pattern.format(package(name).upper()), "") for name in names}
            return {name: value for name, value in found.items() if value}

        every = (*SERVICES, GATEWAY)
        return cls(
            nats_url=env["NATS_URL"],
            operator_key=env.get("IDENTITY_KEY", ""),
            targets=each("{}_TARGET", SERVICES),
            database_urls=each("{}_DATABASE_URL", every),
            owner_urls=each("{}_OWNER_DATABASE_URL", every),
            encryption_keys=each("{}_ENCRYPTION_KEYS", every),
            blind_index_key=env.get("BLIND_INDEX_KEY", ""),
        )

    def channel(self, service: str) -> grpc.Channel:
        """Calls are made as `service:operator`."""
        if service not in self.targets or not self.operator_key:
            name = f"{package(service).upper()}_TARGET"
            raise Misconfigured(f"{name} and IDENTITY_KEY are needed for this")
        signer = identity.Signer(OPERATOR, self.operator_key)
        return channels.channel(self.targets[service], signer, timeout=10)

    @contextlib.contextmanager
    def database(self, service: str) -> Iterator[Database]:
        """That service's database as its own role, with its keys in use."""
        if service not in self.database_urls or service not in self.encryption_keys:
            name = package(service).upper()
            raise Misconfigured(f"{name}_DATABASE_URL and {name}_ENCRYPTION_KEYS are needed")
        self.use_keys_of(service)
        database = Database(self.database_urls[service], pool_size=1, service=service)
        try:
            yield database
        finally:
            database.close()

    def use_keys_of(self, service: str) -> None:
        """Read and write that service's encrypted columns."""
        encryption.use(encryption.KeyRing(self.encryption_keys[service], self.blind_index_key))
