"""`attune keys`: check and replace the keys that encrypt personal data (spec PF-7).

Services keep running during the work. The procedure is in docs/operations.md.
"""

import json
import secrets
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
from common.rpc import identity
from common.services import GATEWAY, OPERATOR, SERVICES

if TYPE_CHECKING:
    from attune_local.stack import Secrets

_services = click.argument("services", nargs=-1, type=click.Choice([*SERVICES, GATEWAY]))


@click.group()
def keys() -> None:
    """Check and replace the keys that encrypt personal data."""


@keys.command()
@click.argument("name")
def new(name: str) -> None:
    """Create a key and print it in the form of ENCRYPTION_KEYS."""
    key = f"{name}:{encryption.new_key()}"
    encryption.KeyRing(key, encryption.new_key())  # refuses an invalid name
    click.echo(key)


@keys.command("kubernetes")
@click.option("--smtp-url", required=True, help="smtps://user:password@mail.example.com:465")
@click.option("--prefix", default="attune", show_default=True, help="Beginning of the names.")
def for_kubernetes(smtp_url: str, prefix: str) -> None:
    """Print new keys for all services as Secrets, with the names that the Helm chart expects.

    Pipe the output to `kubectl create --filename -`, which leaves existing Secrets as they are, and
    keep a copy where you keep the keys of your backups."""
    issuers = (*SERVICES, GATEWAY, OPERATOR)
    pairs = {name: identity.new_key_pair() for name in issuers}
    public = ",".join(f"{name}:{key}" for name, (_, key) in pairs.items())
    found = {"shared": {"identity-keys": public, "blind-index-key": encryption.new_key()}}
    for name, (private, _) in pairs.items():
        found[name] = {"identity-key": private}
        if name != OPERATOR:
            found[name]["encryption-keys"] = f"k1:{encryption.new_key()}"
    found[GATEWAY]["session-key"] = secrets.token_urlsafe(32)
    found["notifications"]["smtp-url"] = smtp_url
    items = [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": f"{prefix}-{name}"},
            "stringData": entries,
        }
        for name, entries in found.items()
    ]
    click.echo(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}, indent=1))


@keys.command()
@_services
def check(services: tuple[str, ...]) -> None:
    """Count the values of SERVICES (by default, all) by column and key.

    Fails unless all values are encrypted under the current key. If all are, the other keys can be
    removed."""
    needed = set[str]()
    for service, database in _databases(services):
        current = encryption.ring().current
        for column, counts in stored.counted(database).items():
            for key, values in sorted(counts.items()):
                click.echo(f"{service:<17} {column:<32} {key:<8} {values:>10}")
            needed |= {f"{service} {key}" for key in counts.keys() - {current}}
    if needed:
        raise click.ClickException(
            f"Values still need these keys: {', '.join(sorted(needed))}."
            " Run `attune keys re-encrypt` first."
        )


@keys.command("re-encrypt")
@_services
def re_encrypt(services: tuple[str, ...]) -> None:
    """Encrypt all values of SERVICES (by default, all) under the current key.

    Services keep running. The command can be interrupted and repeated at any time."""
    unreadable, left = list[str](), 0
    for service, database in _databases(services):
        for table, outcome in stored.re_encrypt(database).items():
            click.echo(f"{service:<17} {table:<24} {outcome.changed:>10}")
            unreadable += [f"{service} {value}" for value in outcome.unreadable]
            left += outcome.left
    for value in unreadable:
        click.echo(value, err=True)
    if left:
        raise click.ClickException(
            f"{left} values are still not encrypted under the current key. Repeat the command, or"
            " restore the values that cannot be read."
        )


@keys.command()
def rotate() -> None:
    """Add a new key for every service of an Attune of `make up`.

    The new keys encrypt after a restart."""
    before = _secrets()
    after = {service: _with_new_key(ring) for service, ring in before.encryption_keys.items()}
    replace(before, encryption_keys=after).save(_path())
    click.echo(
        "Every service has a new key. Restart Attune, then run:"
        " attune keys re-encrypt && attune keys forget"
    )


@keys.command()
@click.pass_context
def forget(context: click.Context) -> None:
    """Remove the old keys of all services of an Attune of `make up`.

    Fails if a value still needs an old key."""
    context.invoke(check)
    before = _secrets()
    after = {service: ring.split(",")[0] for service, ring in before.encryption_keys.items()}
    replace(before, encryption_keys=after).save(_path())
    click.echo("The old keys are removed. Services use them until the next restart.")


def _databases(services: tuple[str, ...]) -> Iterator[tuple[str, Database]]:
    """Yield each service with its database, whose keys are in use."""
    environment = Environment.load()
    if (
        not Environment.in_environment()
        and environment.encryption_keys != _secrets().encryption_keys
    ):
        raise click.ClickException("The keys have changed. Restart Attune, then try again.")
    for service in services or tuple(environment.database_urls):
        with environment.database(service) as database:
            yield service, database


def _path() -> Path:
    return data_folder() / "secrets.json"


def _secrets() -> "Secrets":
    """Return the secrets of an Attune of `make up`. Raises ClickException if there is none."""
    from attune_local.stack import Secrets  # not installed in images

    if Environment.in_environment() or not _path().exists():
        raise click.ClickException(
            f"This command is for an Attune of `make up`, and {data_folder()} has none."
            " Elsewhere, change ENCRYPTION_KEYS (docs/operations.md)."
        )
    return Secrets.load(_path())


def _with_new_key(ring: str) -> str:
    """Return a key ring with a new key in front."""
    names = encryption.KeyRing(ring, encryption.new_key()).names
    number = next(n for n in count(len(names) + 1) if f"k{n}" not in names)
    return f"k{number}:{encryption.new_key()},{ring}"
