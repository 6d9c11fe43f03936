"""`attune`: the operators' command.

It finds a running Attune by the environment (NATS_URL, DATABASE_URL …), or, on a developer's
machine, by what `attune up` wrote into its data folder (ATTUNE_DATA).
"""

import logging

import click

from common.command import account, audit, dead_letters, keys, migrate, seed, up


@click.group()
def main() -> None:
    """Run and look after Attune."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")


main.add_command(up.up)
main.add_command(migrate.migrate)
main.add_command(seed.seed)
main.add_command(account.account)
main.add_command(dead_letters.dead_letters)
main.add_command(audit.audit)
main.add_command(keys.keys)
