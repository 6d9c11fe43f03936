"""`attune migrate`: migrate databases to their newest schema."""

import os

import click

from attune_operator.environment import Environment
from common.config import Misconfigured
from common.db import migrations
from common.services import GATEWAY, SERVICES, package


@click.command()
@click.argument("services", nargs=-1, type=click.Choice([*SERVICES, GATEWAY]))
def migrate(services: tuple[str, ...]) -> None:
    """Migrate the databases of SERVICES (by default, all).

    In a cluster, migrate one service at a time: set OWNER_DATABASE_URL to the schema owner's URL,
    and DATABASE_ROLE to the service's own role.
    """
    if "OWNER_DATABASE_URL" in os.environ:
        if len(services) != 1 or "DATABASE_ROLE" not in os.environ:
            raise Misconfigured(
                "With OWNER_DATABASE_URL, give exactly one service and set DATABASE_ROLE."
            )
        _migrate(services[0], os.environ["OWNER_DATABASE_URL"], os.environ["DATABASE_ROLE"])
        return
    environment = Environment.load()
    for service in services or (*SERVICES, GATEWAY):
        _migrate(service, environment.owner_urls[service], package(service))


def _migrate(service: str, url: str, role: str) -> None:
    click.echo(f"{service}: {migrations.migrate(package(service), url, role)}")
