"""The `attune` command and its subcommands.

Subcommands find the running Attune by environment variables (NATS_URL, BOOKING_DATABASE_URL, …),
or, on a developer's machine, in the data folder of `attune up` (ATTUNE_DATA).

A service adds its own subcommands through the entry point group `attune.commands`. The object of
their click context is a `practices.Attune`.
"""

import logging
import signal
import sys
from importlib.metadata import entry_points
from importlib.util import find_spec

import click

from attune_operator import audit, dead_letters, keys, migrate, practices, wait_for_schema
from attune_operator.environment import Environment

GROUP = "attune.commands"
_TERMINATED = 128 + signal.SIGTERM


@click.group()
@click.pass_context
def main(context: click.Context) -> None:
    """Run and maintain Attune."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    # The first process of a container ignores SIGTERM unless it has a handler.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(_TERMINATED))
    context.obj = practices.Attune(Environment.load)


main.add_command(migrate.migrate)
main.add_command(wait_for_schema.wait_for_schema)
main.add_command(dead_letters.dead_letters)
main.add_command(audit.audit)
main.add_command(keys.keys)
main.add_command(practices.practice)
main.add_command(practices.provider)
for found in entry_points(group=GROUP):
    main.add_command(found.load())
if find_spec("attune_local"):  # not installed in images, which start no servers of their own
    from attune_operator import seed, up

    main.add_command(up.up)
    main.add_command(seed.seed)
