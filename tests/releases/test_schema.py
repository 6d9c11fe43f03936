"""Migrations since the last release only expand the schema, so that its services still run."""

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from attune_local.stack import make_database
from attune_testing.servers import PASSWORD, POSTGRES
from common.db import encryption, migrations
from common.services import GATEWAY, SERVICES, package
from tests.releases import history, rows
from tests.releases.catalog import Schema, contractions
from tests.releases.migrating import attune, migration

pytestmark = pytest.mark.req("PF-15")
EVERY = (*SERVICES, GATEWAY)


class Databases:
    """A database for each service, without a schema."""

    def __init__(self) -> None:
        self._suffix = secrets.token_hex(4)
        for service in EVERY:
            make_database(os.environ[POSTGRES], self.name(service), PASSWORD)

    def name(self, service: str) -> str:
        return f"release_{package(service)}_{self._suffix}"

    def url(self, service: str) -> str:
        """Return the URL for the owner of the schema."""
        host = os.environ[POSTGRES].rpartition("@")[2]
        return f"postgresql://{self.name(service)}_owner:{PASSWORD}@{host}/{self.name(service)}"

    def superuser_url(self, service: str) -> str:
        """Return the URL for the superuser, whom row-level security does not concern."""
        return f"{os.environ[POSTGRES]}/{self.name(service)}"

    def migrate_at(self, installed: Path) -> None:
        """Migrate all to the schemas of an installed release."""
        key = encryption.new_key()
        attune(
            installed, *(migration(name, self.url(name), self.name(name), key) for name in EVERY)
        )


def upgrade(installed: Path, databases: Databases) -> list[str]:
    """Migrate databases with rows from an installed release to this one.

    Returns what the schemas do to the release's services, and checks that no value has changed.
    """
    found = []
    databases.migrate_at(installed)
    for service in EVERY:
        as_superuser = databases.superuser_url(service)
        before = Schema.read(as_superuser)
        rows.fill(as_superuser)
        content = rows.read(as_superuser, before)
        assert content["audit"], "there is nothing that could change"
        migrations.migrate(package(service), databases.url(service), databases.name(service))
        after = Schema.read(as_superuser)
        changes = contractions(before, after)
        found += [f"{service}: {change}" for change in changes]
        if not changes:
            assert rows.read(as_superuser, before) == content, service
    return found


def test_the_schema_keeps_what_the_last_release_needs(last_release: Path) -> None:
    allowed = history.record().get("contraction", [])
    assert sorted(upgrade(last_release, Databases())) == sorted(
        each["change"] for each in allowed
    ), "Expand first, contract one release later: docs/releases.md"
    assert all(each["reason"] for each in allowed)


@pytest.mark.soak
@pytest.mark.parametrize("release", history.releases()[:-1], ids=lambda each: each.version)
def test_databases_of_earlier_releases_are_migrated(
    release: history.Release, tmp_path: Path
) -> None:
    databases = Databases()
    upgrade(release.install(tmp_path), databases)
    # Migrations change rows of every practice, although row-level security holds for the owner.
    with psycopg.connect(databases.superuser_url("availability")) as database:
        found = database.execute("SELECT timezone, country FROM practices").fetchall()
    assert found == [("America/New_York", "US")]


@pytest.fixture(scope="module")
def sample() -> Iterator[psycopg.Connection]:
    """A database with one table."""
    name = f"release_sample_{secrets.token_hex(4)}"
    make_database(os.environ[POSTGRES], name, PASSWORD)
    with psycopg.connect(f"{os.environ[POSTGRES]}/{name}", autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE rooms (id int PRIMARY KEY, name text NOT NULL DEFAULT '', seats int)"
        )
        yield connection


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("CREATE TABLE halls (id int PRIMARY KEY, seats int NOT NULL)", []),
        ("ALTER TABLE rooms ADD COLUMN floor int", []),
        ("ALTER TABLE rooms ADD COLUMN floor int NOT NULL DEFAULT 0 CHECK (floor >= 0)", []),
        ("CREATE INDEX more ON rooms (name)", []),
        (
            "ALTER TABLE rooms ADD COLUMN floor int NOT NULL",
            ["column rooms.floor is new and needs a value"],
        ),
        ("DROP TABLE rooms", ["table rooms is gone"]),
        ("ALTER TABLE rooms DROP COLUMN seats", ["column rooms.seats is gone"]),
        (
            "ALTER TABLE rooms RENAME COLUMN seats TO places",
            ["column rooms.seats is gone"],
        ),
        (
            "ALTER TABLE rooms ALTER COLUMN seats SET NOT NULL",
            ["column rooms.seats was integer, is integer NOT NULL"],
        ),
        (
            "ALTER TABLE rooms ALTER COLUMN seats TYPE text",
            ["column rooms.seats was integer, is text"],
        ),
        (
            "ALTER TABLE rooms ALTER COLUMN name DROP DEFAULT",
            ["column rooms.name has lost its default"],
        ),
        ("CREATE UNIQUE INDEX one ON rooms (name)", ["unique index one of rooms is new"]),
        (
            "ALTER TABLE rooms ADD CONSTRAINT few CHECK (seats < 9)",
            ["constraint few of rooms is new"],
        ),
        (
            "ALTER TABLE rooms DROP CONSTRAINT rooms_pkey",
            ["constraint rooms_pkey of rooms is gone"],
        ),
        (
            "CREATE POLICY mine ON rooms USING (true)",
            ["policy mine of rooms is new"],
        ),
    ],
)
def test_contractions_are_found(
    sample: psycopg.Connection, statement: str, told: list[str]
) -> None:
    before = Schema.of(sample)
    with sample.transaction(force_rollback=True):
        sample.execute(statement)
        assert contractions(before, Schema.of(sample)) == told
