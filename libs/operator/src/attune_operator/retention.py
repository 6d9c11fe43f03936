"""`attune retention`: how long data is kept, and removing what is older (spec PF-10)."""

from datetime import UTC, datetime
from importlib.metadata import entry_points

import click

from attune_operator.environment import Environment
from attune_operator.environment import retention as setting
from common.services import GATEWAY
from common.upkeep import retention as keeping
from common.upkeep.retention import Purges

GROUP = "attune.retention"
"""The entry points, by service, of what the services installed here remove."""


def installed() -> dict[str, Purges]:
    """Return what the services remove that are installed here: one in an image."""
    found = {one.name: one.load() for one in entry_points(group=GROUP)}
    return {
        service: purges if service == GATEWAY else keeping.shared(purges)
        for service, purges in found.items()
    }


@click.group()
def retention() -> None:
    """Show how long data is kept, and remove what is older."""


@retention.command("list")
def list_() -> None:
    """Show how long each kind of data is kept, by the setting RETENTION and the defaults."""
    days = keeping.periods(setting())
    for kind in keeping.KINDS:
        kept = days[kind.name]
        period = "off" if kept is None else f"{kept} days"
        click.echo(f"{kind.name:<10} {kind.service:<17} {period:<10} {kind.what}")


@retention.command()
@click.argument("services", nargs=-1)
def run(services: tuple[str, ...]) -> None:
    """Remove from SERVICES (by default, all that are installed) what is older than its period.

    Each service does the same every hour. Set RETENTION as the services have it. The command can
    be interrupted and repeated at any time."""
    environment, there = Environment.load(), installed()
    if unknown := sorted(set(services) - there.keys()):
        raise click.UsageError(f"These services are not installed here: {', '.join(unknown)}.")
    for service in services or sorted(there):
        rules = there[service].rules(setting())
        with environment.database(service) as database:
            for rule, removed in keeping.run(database, rules, datetime.now(UTC)):
                click.echo(f"{service:<17} {rule.kind.name:<10} {removed:>10}")
