"""`attune audit`: whether the audit trail is as it was written (spec PF-8)."""

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
        raise click.BadParameter("A head is written as POSITION:HASH.") from None


@click.group()
def audit() -> None:
    """The audit trail."""


@audit.command()
@click.argument("services", nargs=-1, type=click.Choice([*SERVICES, GATEWAY]))
@click.option(
    "--head",
    "seen",
    metavar="POSITION:HASH",
    callback=_head,
    help="A head that was seen earlier, here or in the service's log: the chain must still have"
    " it. Name one service.",
)
def verify(services: tuple[str, ...], seen: Head | None) -> None:
    """Read every entry of SERVICES (all, if none is named) again. Prints how many there are and
    the head of each chain, and fails with the first entry that was changed, removed or put in.

    The database's own administrator can put back an old copy of it: keep the heads elsewhere, and
    verify with `--head`."""
    environment = Environment.load()
    chosen = services or tuple(environment.database_urls)
    if seen and len(chosen) != 1:
        raise click.UsageError("Name the service that the head is of")
    broken = [service for service in chosen if not _is_whole(environment, service, seen)]
    if broken:
        raise click.ClickException(f"not as it was written: {', '.join(broken)}")


def _is_whole(environment: Environment, service: str, seen: Head | None) -> bool:
    with environment.database(service) as database, database.transaction(EVERY_PRACTICE) as session:
        report = trail.verify(session, Chain(service), seen)
    click.echo(f"{service:<17} {_line(report)}")
    return not report.fault


def _line(report: Report) -> str:
    if report.fault:
        return f"BROKEN: {report.fault} ({report.entries} entries before it are in order)"
    waiting = f", {report.waiting} waiting to be sealed" if report.waiting else ""
    return f"{report.entries} entries, head {report.head}{waiting}"
