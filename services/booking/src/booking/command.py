"""`attune clients`: the operator's command for client records."""

from contextlib import AbstractContextManager
from typing import Protocol

import click

from booking.store import clients as store
from common.db.database import EVERY_PRACTICE, Database

_BATCH = 200


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
