"""`attune wait-for-schema`, as pods run it before they start."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result

from attune_local.servers import free_port
from attune_local.stack import make_database
from attune_operator.main import main
from attune_testing.servers import PASSWORD, POSTGRES
from attune_testing.waiting import until
from common import ids
from common.db import encryption, schema

pytestmark = pytest.mark.req("PF-14", "PF-15")


class Empty:
    """A database without a schema; `env` is for the service, `owner_env` for migrations."""

    def __init__(self) -> None:
        self.name = f"test_wait_{ids.new().hex[:8]}"
        make_database(os.environ[POSTGRES], self.name, PASSWORD)
        host = os.environ[POSTGRES].rpartition("@")[2]
        self.owner_url = f"postgresql://{self.name}_owner:{PASSWORD}@{host}/{self.name}"
        self.url = f"postgresql://{self.name}:{PASSWORD}@{host}/{self.name}"
        self.env = {"DATABASE_URL": self.url}

    def migrate(self, folder: Path) -> Result:
        """Run `attune migrate billing` as the chart's Job does: with values in files."""
        values = {
            "OWNER_DATABASE_URL": self.owner_url,
            "BLIND_INDEX_KEY": encryption.new_key(),
        }
        env: dict[str, str | None] = {"DATABASE_ROLE": self.name}
        for name, value in values.items():
            path = folder / name
            path.write_text(value)
            env[f"{name}_FILE"] = str(path)
        return CliRunner().invoke(main, ["migrate", "billing"], env=env)

    def set_revision(self, revision: str) -> None:
        with psycopg.connect(self.owner_url) as connection:
            connection.execute("UPDATE alembic_version SET version_num = %s", [revision])


@pytest.fixture(scope="module")
def empty() -> Empty:
    return Empty()


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Empty:
    made = Empty()
    result = made.migrate(tmp_path_factory.mktemp("migrate"))
    assert (result.exit_code, result.output) == (0, f"billing: {schema.newest('billing')}\n")
    return made


def wait(database: Empty, seconds: float = 0) -> Result:
    arguments = ["wait-for-schema", "billing", "--seconds", str(seconds)]
    return CliRunner().invoke(main, arguments, env=database.env)


def test_a_database_with_the_schema_is_waited_for_no_longer(migrated: Empty) -> None:
    result = wait(migrated)
    assert (result.exit_code, result.output) == (0, "billing: the schema is ready.\n")


def test_a_newer_schema_is_fine(migrated: Empty) -> None:
    """Pods of the old version may restart while the new one is rolled out."""
    migrated.set_revision("9999")
    try:
        assert wait(migrated).exit_code == 0
    finally:
        migrated.set_revision(schema.newest("billing"))


def test_an_older_schema_is_waited_for(migrated: Empty) -> None:
    migrated.set_revision("0001")
    try:
        result = wait(migrated)
    finally:
        migrated.set_revision(schema.newest("billing"))
    assert result.exit_code == 1
    newest = schema.newest("billing")
    assert f"gave up after 0 s: the schema is 0001, {newest} is expected" in result.output


def test_a_database_without_a_schema_is_waited_for(empty: Empty) -> None:
    result = wait(empty)
    assert result.exit_code == 1
    assert "the database has no schema yet" in result.output


def test_a_database_that_is_away_is_waited_for_without_a_password_in_the_message() -> None:
    url = f"postgresql://billing:secret-password@127.0.0.1:{free_port()}/billing"
    arguments = ["wait-for-schema", "billing", "--seconds", "0"]
    result = CliRunner().invoke(main, arguments, env={"DATABASE_URL": url})
    assert result.exit_code == 1
    assert "the database cannot be reached" in result.output
    assert "Connection refused" in result.output
    assert "secret-password" not in result.output


def test_without_a_database_the_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    result = CliRunner().invoke(main, ["wait-for-schema", "billing"])
    assert "DATABASE_URL is not set" in str(result.exception)


def test_the_wait_ends_with_the_migration(tmp_path: Path) -> None:
    database = Empty()
    results: list[subprocess.CompletedProcess[str]] = []
    waiting = threading.Thread(target=lambda: results.append(run_in_process(database)))
    waiting.start()
    assert database.migrate(tmp_path).exit_code == 0
    waiting.join()
    assert (results[0].returncode, results[0].stdout) == (0, "billing: the schema is ready.\n")


def run_in_process(database: Empty) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(), env=os.environ | database.env, capture_output=True, text=True)


def command() -> list[str]:
    return [
        sys.executable,
        "-c",
        "from attune_operator.main import main; main()",
        "wait-for-schema",
        "billing",
    ]


def test_a_pod_that_is_deleted_waits_no_longer(empty: Empty) -> None:
    """A container's first process would ignore SIGTERM without a handler."""
    with subprocess.Popen(
        command(), env=os.environ | empty.env, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr
        assert until(process.stderr.readline, lambda line: "waiting" in line)
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 128 + signal.SIGTERM
