"""Time zones come from the pinned wheel, whatever the machine has."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from common import zones


def started(**env: str) -> "subprocess.CompletedProcess[str]":
    """Start a process that prints New York's UTC offset on a summer day."""
    code = (
        "from datetime import datetime\n"
        "from common.zones import zone\n"
        "print(datetime(2026, 7, 1, 12, tzinfo=zone('America/New_York')).utcoffset())\n"
    )
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.req("AV-5")
def test_the_oldest_release_that_will_do_is_the_pinned_one(pytestconfig: pytest.Config) -> None:
    locked = (pytestconfig.rootpath / "requirements" / "dev.txt").read_text()
    [pinned] = re.findall(r"^tzdata==([0-9.]+)", locked, re.MULTILINE)
    assert pinned == zones.OLDEST == zones.VERSION


@pytest.mark.req("AV-5")
def test_an_older_release_is_refused_at_start(tmp_path: Path) -> None:
    older = tmp_path / "tzdata-2019.3.dist-info"
    older.mkdir()
    (older / "METADATA").write_text("Metadata-Version: 2.1\nName: tzdata\nVersion: 2019.3\n")
    ended = started(PYTHONPATH=str(tmp_path))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == f"tzdata 2019.3 is installed; {zones.OLDEST} or newer is needed\n"


@pytest.mark.req("AV-5")
def test_the_machines_own_files_are_not_read(tmp_path: Path) -> None:
    wrong = tmp_path / "America" / "New_York"
    wrong.parent.mkdir()
    wrong.write_bytes(b"not a zone")
    for env in ({"PYTHONTZPATH": str(tmp_path)}, {"TZ": "Asia/Tokyo"}):
        ended = started(**env)
        assert (ended.stdout, ended.stderr) == ("-1 day, 20:00:00\n", "")


def test_factory_is_no_zone() -> None:
    with pytest.raises(zones.UnknownZone):
        zones.zone("Factory")
