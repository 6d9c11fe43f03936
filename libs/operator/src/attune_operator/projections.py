"""`attune projections`: compare projections with their sources, and rebuild them (spec PF-4)."""

from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import entry_points

import click

from attune_operator.environment import Environment
from common.upkeep import projections as comparing
from common.upkeep.projections import Difference, Projection, Report

GROUP = "attune.projections"
"""The entry points, by service, of the projections that are installed here."""


def installed() -> dict[str, Projection]:
    """Return the projections of the services that are installed here: one in an image."""
    return {found.name: found.load() for found in entry_points(group=GROUP)}


@click.group()
def projections() -> None:
    """Compare what services copied from each other with its source, and rebuild it."""


@projections.command()
@click.argument("services", nargs=-1)
def check(services: tuple[str, ...]) -> None:
    """Compare the projections of SERVICES (by default, all that are installed) with their sources.

    Each service does the same once a day. Prints what differs by its id, and fails if anything
    does."""
    drift = [service for service, report in _each(services) if report.drift]
    if drift:
        raise click.ClickException(
            f"These differ from their sources: {', '.join(drift)}. Run `attune projections rebuild"
            f" {drift[0]}`."
        )


@projections.command()
@click.argument("services", nargs=-1, required=True)
def rebuild(services: tuple[str, ...]) -> None:
    """Make the projections of SERVICES equal to their sources, while everything serves.

    The command can be interrupted and repeated at any time."""
    left = [service for service, report in _each(services, repair=True) if report.drift]
    if left:
        raise click.ClickException(
            f"A person has to decide about what remains of: {', '.join(left)}"
            " (docs/operations.md#projections)."
        )


def _each(services: tuple[str, ...], *, repair: bool = False) -> Iterator[tuple[str, Report]]:
    environment, there = Environment.load(), installed()
    if unknown := sorted(set(services) - there.keys()):
        raise click.UsageError(
            f"No projection is installed here of: {', '.join(unknown)}. There is one of:"
            f" {', '.join(sorted(there))}."
        )
    for service in services or sorted(there):
        yield service, _compare(environment, service, there[service], repair=repair)


def _compare(
    environment: Environment, service: str, projection: Projection, *, repair: bool
) -> Report:
    def tell(found: Difference) -> None:
        click.echo(f"{service:<17} {found}")

    with (
        environment.channel(projection.source) as source,
        environment.database(service) as database,
    ):
        now = datetime.now(UTC)
        report = comparing.check(projection, database, source, now, tell, repair=repair)
    repaired = f", {report.repaired} repaired" if repair else ""
    click.echo(f"{service:<17} {projection.name}: {report.found.total()} differences{repaired}")
    return report
