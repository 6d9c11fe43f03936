"""`attune keys`, for an Attune of `make up`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from attune_local.stack import Secrets
from attune_operator.environment import Environment
from attune_operator.main import main
from attune_testing.database import new_database
from common import ids
from common.db import encryption
from common.db.database import Database
from sample.store import Note

pytestmark = pytest.mark.req("PF-7")
PRACTICE = ids.new()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ATTUNE_DATA", str(tmp_path))
    monkeypatch.delenv("NATS_URL", raising=False)
    return tmp_path


@pytest.fixture
def database(worker_id: str, key_ring: encryption.KeyRing) -> Iterator[Database]:
    made = new_database("sample", worker_id)
    yield made
    made.close()
    encryption.use(key_ring)


def start(folder: Path, database: Database) -> None:
    """Write the files that `attune up` leaves for other commands, with the sample's database."""
    secrets = Secrets.load(folder / "secrets.json")
    url = database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    keys, index_key = secrets.encryption_keys, secrets.blind_index_key
    Environment("", "", {}, {"booking": url}, {}, keys, index_key).save()
    encryption.use(encryption.KeyRing(keys["booking"], index_key))


def attune(*arguments: str) -> tuple[int, str]:
    ran = CliRunner().invoke(main, ["keys", *arguments])
    return ran.exit_code, ran.output


def words(output: str) -> list[list[str]]:
    return [line.split() for line in output.splitlines()]


def ring(folder: Path) -> list[str]:
    """Return the names of booking's keys."""
    keys: dict[str, Any] = json.loads((folder / "secrets.json").read_text())["encryption_keys"]
    return [entry.partition(":")[0] for entry in keys["booking"].split(",")]


def test_a_rotation(folder: Path, database: Database) -> None:
    start(folder, database)
    with database.transaction(PRACTICE) as session:
        note = Note(id=ids.new(), practice_id=PRACTICE)
        note.text = "words"
        session.add(note)
    assert attune("rotate")[0] == 0
    assert ring(folder) == ["k2", "k1"]
    assert (folder / "secrets.json").stat().st_mode & 0o777 == 0o600
    for command in ("check", "re-encrypt", "forget"):
        assert attune(command) == (
            1,
            "Error: The keys have changed. Restart Attune, then try again.\n",
        )
    start(folder, database)
    code, output = attune("forget")
    counted, error = output.splitlines()
    assert (code, counted.split()) == (1, ["booking", "notes.text", "k1", "1"])
    assert error == (
        "Error: Values still need these keys: booking k1. Run `attune keys re-encrypt` first."
    )
    code, output = attune("re-encrypt")
    assert (code, words(output)) == (
        0,
        [["booking", "audit", "0"], ["booking", "idempotency", "0"], ["booking", "notes", "1"]],
    )
    code, output = attune("check", "booking")
    assert (code, words(output)) == (0, [["booking", "notes.text", "k2", "1"]])
    assert attune("forget")[0] == 0
    assert ring(folder) == ["k2"]
    start(folder, database)
    with database.transaction(PRACTICE) as session:
        assert session.scalars(select(Note)).one().text == "words"
    attune("rotate")
    attune("rotate")
    assert ring(folder) == ["k4", "k3", "k2"]


def test_a_service_that_is_new_gets_its_keys_and_the_others_keep_theirs(folder: Path) -> None:
    path = folder / "secrets.json"
    first = Secrets.load(path)
    known = json.loads(path.read_text())
    del known["encryption_keys"]["billing"], known["identity_keys"]["billing"]
    path.write_text(json.dumps(known))
    again = Secrets.load(path)
    assert again.encryption_keys.keys() == first.encryption_keys.keys()
    assert again.identity_keys.keys() == first.identity_keys.keys()
    assert vars(Secrets.load(path)) == json.loads(path.read_text())
    for name, key in known["encryption_keys"].items():
        assert again.encryption_keys[name] == key
        assert list(again.identity_keys[name]) == known["identity_keys"][name]


def test_what_cannot_be_read_is_named(folder: Path, database: Database) -> None:
    start(folder, database)
    with database.transaction(PRACTICE) as session:
        note = Note(id=ids.new(), practice_id=PRACTICE, text_sealed=b"Ottilie, never encrypted")
        session.add(note)
    code, output = attune("re-encrypt", "booking")
    assert code == 1
    assert output.splitlines()[-2:] == [
        f"booking notes.text:{note.id}: this is no encrypted value",
        "Error: 1 values are still not encrypted under the current key. Repeat the command, or"
        " restore the values that cannot be read.",
    ]
    assert "Ottilie" not in output


def test_a_service_that_it_knows_nothing_of_is_named(folder: Path, database: Database) -> None:
    start(folder, database)
    assert attune("check", "billing") == (
        1,
        "Set BILLING_DATABASE_URL and BILLING_ENCRYPTION_KEYS for this command.\n",
    )


def test_a_new_key_can_be_used() -> None:
    code, output = attune("new", "k2")
    assert (code, encryption.KeyRing(output.strip(), encryption.new_key()).names) == (0, ["k2"])
    assert attune("new", "k 2")[0] == 1
