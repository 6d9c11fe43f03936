"""`attune keys`: which keys protect personal data, and putting new ones in their place while
everything serves (spec PF-7). The procedure is in docs/operations.md."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import click

from common import crypto
from common import keys as stored
from common.command.running import Running, data_folder
from common.database import Database
from common.local import GATEWAY, SERVICES, Secrets

_services = click.argument("services", nargs=-1, type=click.Choice([*SERVICES, GATEWAY]))


@click.group()
def keys() -> None:
    """The keys that personal data is encrypted under."""


@keys.command()
@click.argument("name")
def new(name: str) -> None:
    """Make a key and print it, as it stands in ENCRYPTION_KEYS."""
    made = f"{name}:{crypto.new_key()}"
    crypto.KeyRing(made, crypto.new_key())  # or the name is refused
    click.echo(made)


@keys.command()
@_services
def check(services: tuple[str, ...]) -> None:
    """Count the values of SERVICES (all, if none is named) by column and key. Fails unless all
    stand under the current key, so that the others can be removed."""
    needed = set[str]()
    for service, database in _databases(services):
        current = crypto.ring().current
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
    running = Running.load()
    if not Running.in_environment() and running.encryption_keys != _secrets().encryption_keys:
        raise click.ClickException("The keys have changed: restart Attune first")
    for service in services or tuple(running.database_urls):
        with running.opened(service) as database:
            yield service, database


def _path() -> Path:
    return data_folder() / "secrets.json"


def _secrets() -> Secrets:
    if Running.in_environment() or not _path().exists():
        raise click.ClickException(f"There is no Attune of `make up` in {data_folder()}")
    return Secrets.load(_path())


def _with_new_key(ring: str) -> str:
    names = crypto.KeyRing(ring, crypto.new_key()).names
    number = next(n for n in count(len(names) + 1) if f"k{n}" not in names)
    return f"k{number}:{crypto.new_key()},{ring}"
