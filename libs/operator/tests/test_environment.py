"""Where the `attune` command finds a running Attune."""

from pathlib import Path

import pytest

from attune_operator.environment import Environment
from common.config import Misconfigured

pytestmark = pytest.mark.req("PF-14")


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NATS_URL", "IDENTITY_KEY", "BLIND_INDEX_KEY"):
        monkeypatch.delenv(name, raising=False)


def test_variables_may_name_files_with_their_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scheduled commands get their secrets this way in a cluster."""
    values = {
        "NATS_URL": "nats://nats:4222",
        "IDENTITY_KEY": "own",
        "BLIND_INDEX_KEY": "index",
        "BOOKING_DATABASE_URL": "postgresql://booking",
        "CALENDAR_SYNC_ENCRYPTION_KEYS": "k1:key",
    }
    for name, value in values.items():
        (tmp_path / name).write_text(f"{value}\n")
        monkeypatch.setenv(f"{name}_FILE", str(tmp_path / name))
    monkeypatch.setenv("BOOKING_TARGET", "dns:///booking:50051")
    found = Environment.load()
    assert found.nats_url == "nats://nats:4222"
    assert (found.operator_key, found.blind_index_key) == ("own", "index")
    assert found.database_urls == {"booking": "postgresql://booking"}
    assert found.encryption_keys == {"calendar-sync": "k1:key"}
    assert found.targets == {"booking": "dns:///booking:50051"}


def test_a_file_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NATS_URL_FILE", "/nowhere")
    with pytest.raises(Misconfigured, match="NATS_URL_FILE"):
        Environment.load()
