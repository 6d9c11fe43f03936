"""A service whose connections go through PgBouncer in transaction mode, over TLS."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

from attune_local.servers import Nats, free_port
from attune_testing.certificates import Authority
from attune_testing.servers import NATS, POOLER, POSTGRES
from common.db.database import Database
from common.errors import Unavailable
from tests.pgbouncer import NotInstalled, PgBouncer, pgbouncer

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def pooler() -> Iterator[PgBouncer]:
    """A PgBouncer in front of this run's server. Without one the test is skipped, loudly; under CI
    that is a failure."""
    with tempfile.TemporaryDirectory(prefix="attune-pgbouncer-") as folder:
        try:
            running = pgbouncer(Path(folder), os.environ[POSTGRES])
            with running as started:
                yield started
        except NotInstalled as error:
            if os.environ.get("CI", "").lower() in {"1", "true"}:
                raise
            pytest.skip(str(error))


@pytest.mark.req("PF-9", "PF-18")
def test_the_suite_of_a_service_passes_through_pgbouncer(pooler: PgBouncer, tmp_path: Path) -> None:
    before = pooler.transactions()
    nats = Nats(tmp_path / "nats", free_port())
    nats.start()
    try:
        ran = _pytest("services/billing", nats.url, f"{pooler.address}&prepare_threshold=none")
    finally:
        nats.stop()
    assert ran.returncode == 0, ran.stdout
    assert " passed" in ran.stdout
    assert pooler.transactions() > before + 100


def _pytest(tests: str, nats_url: str, pooler_url: str) -> "subprocess.CompletedProcess[str]":
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    return subprocess.run(
        [sys.executable, "-m", "pytest", tests, "-p", "no:cacheprovider", "-v"],
        cwd=ROOT,
        env={**env, NATS: nats_url, POOLER: pooler_url},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.req("PF-9")
def test_a_server_of_another_authority_is_not_talked_to(pooler: PgBouncer, tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text(Authority().pem)
    own = make_url(pooler.admin)
    strict = own.update_query_dict({"sslrootcert": str(tmp_path / "ca.crt")})
    database = Database(strict.render_as_string(hide_password=False))
    with pytest.raises(Unavailable) as raised, database.transaction(""):
        pass
    assert "certificate verify failed" in str(raised.value.__cause__)
