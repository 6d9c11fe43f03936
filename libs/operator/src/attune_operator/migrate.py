"""`attune migrate`: bring databases up to their newest schema."""

import os

import click

from attune_operator.environment import Environment
from common.config import Misconfigured
from common.db import migrations
from common.services import GATEWAY, SERVICES, package


@click.command()
@click.argument("services", nargs=-1, type=click.Choice([*SERVICES, GATEWAY]))
def migrate(services: tuple[str, ...]) -> None:
    """Migrate the databases of SERVICES (all, if none is named).

    In a cluster, one service at a time: OWNER_DATABASE_URL is the schema owner's, DATABASE_ROLE
    the role that the service works as.
    """
    if "OWNER_DATABASE_URL" in os.environ:
        if len(services) != 1 or "DATABASE_ROLE" not in os.environ:
            raise Misconfigured("Name one service, and set DATABASE_ROLE")
        _one(services[0], os.environ["OWNER_DATABASE_URL"], os.environ["DATABASE_ROLE"])
        return
    environment = Environment.load()
    for service in services or (*SERVICES, GATEWAY):
        _one(service, environment.owner_urls[service], package(service))


def _one(service: str, url: str, role: str) -> None:
    click.echo(f"{service}: {migrations.migrate(package(service), url, role)}")
