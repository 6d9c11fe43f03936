"""`attune clients` and `attune bookings`: the operator's commands for this service's data."""

from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Protocol

import click

from booking.actions import auditing
from booking.store import clients as store
from booking.store import restoring
from common.db.database import EVERY_PRACTICE, Database

_BATCH = 200
_WHOLE_TABLE = 3600.0  # seconds


class Attune(Protocol):
    """The running Attune, as the `attune` command passes it to subcommands."""

    def database(self, service: str) -> AbstractContextManager[Database]: ...


@click.group()
def clients() -> None:
    """Maintain client records."""


@clients.command()
@click.pass_obj
def reindex(attune: Attune) -> None:
    """Recompute the email indexes that early releases wrote.

    Clients can book during the run and are found by either index. An interrupted run can be
    repeated.
    """
    renewed = 0
    with attune.database("booking") as database:
        while True:
            with database.transaction(EVERY_PRACTICE) as session:
                count = store.renew_indexes(session, _BATCH)
            renewed += count
            if not count:
                break
        with database.transaction(EVERY_PRACTICE) as session:
            left = store.count_old_indexes(session)
    click.echo(f"Renewed the email indexes of {renewed} clients; {left} remain.")


@click.group()
def bookings() -> None:
    """Check bookings, and prepare a restored database."""


@bookings.command("audit-overlaps")
@click.pass_obj
def audit_overlaps(attune: Attune) -> None:
    """Look for bookings of one provider or room at the same time, buffers included.

    The service does the same every five minutes. Fails if there are any.
    """
    with (
        attune.database("booking") as database,
        database.transaction(EVERY_PRACTICE) as session,
    ):
        count, found = auditing.audit_overlaps(session, datetime.now(UTC))
    for overlap in found:
        click.echo(
            f"resource {overlap.resource} of practice {overlap.practice_id}: booking"
            f" {overlap.booking_id} overlaps {overlap.other_id}"
        )
    click.echo(f"{count} overlaps")
    if count:
        raise click.ClickException("Bookings overlap. Move or cancel one of each pair.")


@bookings.command()
@click.pass_obj
def restored(attune: Attune) -> None:
    """Prepare booking's restored database, before booking is started again.

    Other services and NATS know of later changes than the backup. This raises all revisions and
    versions beyond those. Running it twice does no harm.
    """
    with (
        attune.database("booking") as database,
        database.transaction(EVERY_PRACTICE, patience=_WHOLE_TABLE) as session,
    ):
        for table, count in restoring.jump_ahead(session).items():
            click.echo(f"{table:<17} {count:>10}")
