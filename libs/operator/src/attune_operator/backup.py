"""`attune backup` and `attune events`: backups, and restoring them (spec PF-17)."""

from datetime import UTC, datetime

import click
from nats.js.errors import NotFoundError

from attune_operator.dead_letters import connected
from attune_operator.environment import Environment
from common.db.database import EVERY_PRACTICE
from common.messaging.nats import STREAM
from common.services import GATEWAY, SERVICES
from common.upkeep import checks


@click.group()
def backup() -> None:
    """Tell services about their backups."""


@backup.command()
@click.argument("services", nargs=-1, required=True, type=click.Choice([*SERVICES, GATEWAY]))
def completed(services: tuple[str, ...]) -> None:
    """Note that backups of the databases of SERVICES are complete and stored.

    The services export the time as the metric attune.backup.completed."""
    environment, now = Environment.load(), datetime.now(UTC)
    for service in services:
        with (
            environment.database(service) as database,
            database.transaction(EVERY_PRACTICE) as session,
        ):
            checks.record(session, checks.BACKUP, 0, now)
        click.echo(f"{service}: {now:%Y-%m-%dT%H:%M:%SZ}")


@click.group()
def events() -> None:
    """Deliver events again."""


@events.command()
@click.argument("services", nargs=-1, required=True, type=click.Choice(SERVICES))
def replay(services: tuple[str, ...]) -> None:
    """Deliver to SERVICES all events again that NATS holds, for databases that were restored.

    Stop the services before, and start them afterward. Each recognizes the events that its
    database has handled, and handles the others."""
    with connected() as bus:
        for service in services:
            try:
                bus.run(bus.jetstream.delete_consumer(STREAM, service))
            except NotFoundError:
                click.echo(f"{service}: starts at the beginning already")
            else:
                click.echo(f"{service}: will start at the beginning")
