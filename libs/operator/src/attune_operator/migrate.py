"""`attune migrate`: migrate databases to their newest schema."""

import os
from dataclasses import dataclass

import click

from attune_operator.environment import Environment
from common import audit
from common.config import Misconfigured, Settings, read
from common.db import encryption, migrations
from common.services import GATEWAY, SERVICES, package


@dataclass(frozen=True, kw_only=True)
class Target(Settings):
    """One database to migrate, in a cluster."""

    # The database, as the owner of the schema.
    owner_database_url: str
    # The service's own role, which gets rights on rows.
    database_role: str
    blind_index_key: str


@click.command()
@click.argument("services", nargs=-1, type=click.Choice([*SERVICES, GATEWAY]))
def migrate(services: tuple[str, ...]) -> None:
    """Migrate the databases of SERVICES (by default, all).

    In a cluster, migrate one service at a time: set OWNER_DATABASE_URL to the schema owner's URL,
    DATABASE_ROLE to the service's own role, and BLIND_INDEX_KEY to the key with which the beginning
    of the audit's chain is sealed. For each of them, <NAME>_FILE may name a file instead.
    """
    if read("OWNER_DATABASE_URL", os.environ) is not None:
        if len(services) != 1:
            raise Misconfigured("With OWNER_DATABASE_URL, give exactly one service.")
        target = Target.from_env()
        _migrate(
            services[0], target.owner_database_url, target.database_role, target.blind_index_key
        )
        return
    environment = Environment.load()
    for service in services or (*SERVICES, GATEWAY):
        url, key = environment.owner_urls[service], environment.blind_index_key
        _migrate(service, url, package(service), key)


def _migrate(service: str, url: str, role: str, blind_index_key: str) -> None:
    # A chain uses the index key alone, so the command needs no encryption keys.
    keys = encryption.KeyRing(f"unused:{encryption.new_key()}", blind_index_key)
    revision = migrations.migrate(package(service), url, role)
    audit.seal_genesis(url, audit.Chain(service, keys))
    click.echo(f"{service}: {revision}")
