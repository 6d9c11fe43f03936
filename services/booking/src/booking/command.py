"""`attune clients`: the operator's command for clients."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import click

from booking.store import clients as store
from common.db.database import EVERY_PRACTICE, Database

OpenDatabase = Callable[[str], AbstractContextManager[Database]]
_BATCH = 200


@click.group()
def clients() -> None:
    """Clients."""


@clients.command()
@click.pass_obj
def reindex(open_database: OpenDatabase) -> None:
    """Compute the email indexes of early releases anew, while clients book.

    Until then a client is found under the old index as well. Run it again to continue.
    """
    renewed = 0
    with open_database("booking") as database:
        while True:
            with database.transaction(EVERY_PRACTICE) as session:
                count = store.renew_indexes(session, _BATCH)
            renewed += count
            if not count:
                break
        with database.transaction(EVERY_PRACTICE) as session:
            left = store.count_old_indexes(session)
    click.echo(f"Renewed the email indexes of {renewed} clients; {left} are left.")
