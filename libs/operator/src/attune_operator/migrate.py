"""`attune migrate`: migrate databases to their newest schema."""

import os

import click

from attune_operator.environment import Environment
from common import audit
from common.config import Misconfigured
from common.db import encryption, migrations
from common.services import GATEWAY, SERVICES, package


@click.command()
@click.argument("services", nargs=-1, type=click.Choice([*SERVICES, GATEWAY]))
def migrate(services: tuple[str, ...]) -> None:
    """Migrate the databases of SERVICES (by default, all).

    In a cluster, migrate one service at a time: set OWNER_DATABASE_URL to the schema owner's URL,
    DATABASE_ROLE to the service's own role, and BLIND_INDEX_KEY to the key with which the beginning
    of the audit's chain is sealed.
    """
    if "OWNER_DATABASE_URL" in os.environ:
        needed = {"DATABASE_ROLE", "BLIND_INDEX_KEY"}
        if len(services) != 1 or not needed <= os.environ.keys():
            raise Misconfigured(
                "With OWNER_DATABASE_URL, give exactly one service and set DATABASE_ROLE and"
                " BLIND_INDEX_KEY."
            )
        url, role = os.environ["OWNER_DATABASE_URL"], os.environ["DATABASE_ROLE"]
        _migrate(services[0], url, role, os.environ["BLIND_INDEX_KEY"])
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
