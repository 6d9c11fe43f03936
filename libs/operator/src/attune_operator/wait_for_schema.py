"""`attune wait-for-schema`: wait until a database has the schema that this image expects."""

import logging
import time
from contextlib import closing
from dataclasses import dataclass

import click

from common.config import Settings
from common.db import schema
from common.db.database import Database
from common.errors import DomainError
from common.services import GATEWAY, SERVICES, package

_PAUSE = 1.0  # seconds between two looks at the schema


@dataclass(frozen=True, kw_only=True)
class Target(Settings):
    """The database to look at."""

    # As the service's own role: only reading rights are needed.
    database_url: str


@click.command("wait-for-schema")
@click.argument("service", type=click.Choice([*SERVICES, GATEWAY]))
@click.option(
    "--seconds",
    type=click.FloatRange(min=0),
    default=600,
    show_default=True,
    help="Give up after this time.",
)
def wait_for_schema(service: str, seconds: float) -> None:
    """Wait until the database of SERVICE has at least the schema that this version expects.

    Set DATABASE_URL (or DATABASE_URL_FILE). Nothing is changed; `attune migrate` migrates.
    """
    logging.getLogger("common.db.database").setLevel(logging.ERROR)  # what it warns of is printed
    target = Target.from_env()
    end = time.monotonic() + seconds
    told = ""
    with closing(Database(target.database_url, pool_size=1, service=service)) as database:
        while reason := _missing(service, database):
            if time.monotonic() >= end:
                raise click.ClickException(f"{service}: gave up after {seconds:g} s: {reason}.")
            if reason != told:
                click.echo(f"{service}: {reason}; waiting.", err=True)
                told = reason
            time.sleep(min(_PAUSE, max(0.0, end - time.monotonic())))
    click.echo(f"{service}: the schema is ready.")


def _missing(service: str, database: Database) -> str:
    """Return why the service cannot start yet, or an empty text if it can."""
    expected = schema.newest(package(service))
    try:
        current = schema.current(database)
    except DomainError as error:
        cause = getattr(error.__cause__, "orig", None) or error
        return f"the database cannot be reached ({' '.join(str(cause).split())})"
    if current >= expected:
        return ""
    if not current:
        return f"the database has no schema yet, {expected} is expected"
    return f"the schema is {current}, {expected} is expected"
