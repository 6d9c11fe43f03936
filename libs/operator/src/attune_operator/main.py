"""`attune`: the operators' command.

It finds a running Attune by the environment (NATS_URL, DATABASE_URL …), or, on a developer's
machine, by what `attune up` wrote into its data folder (ATTUNE_DATA).

A service adds commands of its own through the entry point group `attune.commands`; they get, as
the click context's object, the function that opens a service's database.
"""

import logging
from importlib.metadata import entry_points
from importlib.util import find_spec

import click

from attune_operator import audit, dead_letters, keys, migrate
from attune_operator.environment import Environment

GROUP = "attune.commands"


@click.group()
@click.pass_context
def main(context: click.Context) -> None:
    """Run and look after Attune."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    context.obj = lambda service: Environment.load().database(service)


main.add_command(migrate.migrate)
main.add_command(dead_letters.dead_letters)
main.add_command(audit.audit)
main.add_command(keys.keys)
for found in entry_points(group=GROUP):
    main.add_command(found.load())
if find_spec("attune_local"):  # not in images: there, nothing is started on this machine
    from attune_operator import seed, up

    main.add_command(up.up)
    main.add_command(seed.seed)
