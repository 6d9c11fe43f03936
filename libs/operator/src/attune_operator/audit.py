"""`attune audit`: verify the audit trail (spec PF-8)."""

import click

from attune_operator.environment import Environment
from common import audit as trail
from common.audit import Chain, Head, Report
from common.db.database import EVERY_PRACTICE
from common.services import GATEWAY, SERVICES


def _head(_context: click.Context, _option: click.Parameter, text: str | None) -> Head | None:
    try:
        return Head.parse(text) if text else None
    except ValueError:
        raise click.BadParameter("Write a head as POSITION:HASH.") from None


@click.group()
def audit() -> None:
    """Verify the audit trail."""


@audit.command()
@click.argument("services", nargs=-1, type=click.Choice([*SERVICES, GATEWAY]))
@click.option(
    "--head",
    "seen",
    metavar="POSITION:HASH",
    callback=_head,
    help="A head from an earlier run or from the service's log, which the chain must still"
    " contain. Requires exactly one service.",
)
def verify(services: tuple[str, ...], seen: Head | None) -> None:
    """Verify every audit entry of SERVICES (by default, all).

    Prints the number of entries and the head of each chain. Fails with the first entry that was
    changed, removed, or inserted.

    A database administrator can restore an old copy of the database. To detect this, keep the
    heads elsewhere and verify with `--head`."""
    environment = Environment.load()
    chosen = services or tuple(environment.database_urls)
    if seen and len(chosen) != 1:
        raise click.UsageError("Give exactly one service with --head.")
    broken = [service for service in chosen if not _verify(environment, service, seen)]
    if broken:
        raise click.ClickException(
            f"The audit trail failed verification: {', '.join(broken)}."
            " Keep a copy of the database and the services' logs as evidence."
        )


def _verify(environment: Environment, service: str, seen: Head | None) -> bool:
    """Verify and report one service's audit trail; return whether there is no fault."""
    with environment.database(service) as database, database.transaction(EVERY_PRACTICE) as session:
        report = trail.verify(session, Chain(service), seen)
    click.echo(f"{service:<17} {_line(report)}")
    return not report.fault


def _line(report: Report) -> str:
    if report.fault:
        return f"BROKEN: {report.fault} ({report.entries} entries before it are in order)"
    waiting = f", {report.waiting} waiting to be sealed" if report.waiting else ""
    return f"{report.entries} entries, head {report.head}{waiting}"
