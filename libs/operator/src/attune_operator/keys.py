"""`attune keys`: which keys protect personal data, and putting new ones in their place while
everything serves (spec PF-7). The procedure is in docs/operations.md."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import click

from attune_operator.environment import Environment, data_folder
from common.db import encryption
from common.db import reencryption as stored
from common.db.database import Database
from common.services import GATEWAY, SERVICES

if TYPE_CHECKING:
    from attune_local.stack import Secrets

_services = click.argument("services", nargs=-1, type=click.Choice([*SERVICES, GATEWAY]))


@click.group()
def keys() -> None:
    """The keys that personal data is encrypted under."""


@keys.command()
@click.argument("name")
def new(name: str) -> None:
    """Make a key and print it, as it stands in ENCRYPTION_KEYS."""
    made = f"{name}:{encryption.new_key()}"
    encryption.KeyRing(made, encryption.new_key())  # or the name is refused
    click.echo(made)


@keys.command()
@_services
def check(services: tuple[str, ...]) -> None:
    """Count the values of SERVICES (all, if none is named) by column and key. Fails unless all
    stand under the current key, so that the others can be removed."""
    needed = set[str]()
    for service, database in _databases(services):
        current = encryption.ring().current
        for column, counts in stored.counted(database).items():
            for key, values in sorted(counts.items()):
                click.echo(f"{service:<17} {column:<32} {key:<8} {values:>10}")
            needed |= {f"{service} {key}" for key in counts.keys() - {current}}
    if needed:
        raise click.ClickException(f"still needed: {', '.join(sorted(needed))}")


@keys.command("re-encrypt")
@_services
def re_encrypt(services: tuple[str, ...]) -> None:
    """Encrypt all values of SERVICES (all, if none is named) under the current key again, while
    everything serves. It can be stopped, and done again, at any time."""
    unreadable, left = list[str](), 0
    for service, database in _databases(services):
        for table, outcome in stored.re_encrypt(database).items():
            click.echo(f"{service:<17} {table:<24} {outcome.changed:>10}")
            unreadable += [f"{service} {value}" for value in outcome.unreadable]
            left += outcome.left
    for value in unreadable:
        click.echo(value, err=True)
    if left:
        raise click.ClickException(f"{left} values stand under other keys")


@keys.command()
def rotate() -> None:
    """Put a new key in front of every ring, for an Attune of `make up`; it is used after a
    restart."""
    before = _secrets()
    after = {service: _with_new_key(ring) for service, ring in before.encryption_keys.items()}
    replace(before, encryption_keys=after).save(_path())
    click.echo("Made. Restart Attune, then: attune keys re-encrypt && attune keys forget")


@keys.command()
@click.pass_context
def forget(context: click.Context) -> None:
    """Remove all keys but the current ones, for an Attune of `make up`, unless a value needs
    them."""
    context.invoke(check)
    before = _secrets()
    after = {service: ring.split(",")[0] for service, ring in before.encryption_keys.items()}
    replace(before, encryption_keys=after).save(_path())
    click.echo("Removed. After the next restart they are in use no more.")


def _databases(services: tuple[str, ...]) -> Iterator[tuple[str, Database]]:
    """Each service's database, with its ring in use."""
    environment = Environment.load()
    if (
        not Environment.in_environment()
        and environment.encryption_keys != _secrets().encryption_keys
    ):
        raise click.ClickException("The keys have changed: restart Attune first")
    for service in services or tuple(environment.database_urls):
        with environment.database(service) as database:
            yield service, database


def _path() -> Path:
    return data_folder() / "secrets.json"


def _secrets() -> "Secrets":
    """Return the secrets of an Attune of `make up`; images have no `attune_local`."""
    from attune_local.stack import Secrets

    if Environment.in_environment() or not _path().exists():
        raise click.ClickException(f"There is no Attune of `make up` in {data_folder()}")
    return Secrets.load(_path())


def _with_new_key(ring: str) -> str:
    names = encryption.KeyRing(ring, encryption.new_key()).names
    number = next(n for n in count(len(names) + 1) if f"k{n}" not in names)
    return f"k{number}:{encryption.new_key()},{ring}"
