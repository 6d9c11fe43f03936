"""Services of the last release and of this one understand each other's messages."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.ecosystem import programs
from tests.releases import history

pytestmark = pytest.mark.req("PF-15")
PROTOS = history.ROOT / "protos"


@pytest.fixture
def against_last_release(tmp_path: Path) -> Callable[..., str]:
    """A function that runs `buf breaking` on protos, and returns what it prints."""
    history.last().extract(tmp_path, "protos")

    def compare(protos: Path, *, succeeds: bool = True) -> str:
        before = tmp_path / "protos"
        return programs.tool("buf", "breaking", protos, "--against", before, succeeds=succeeds)

    return compare


def test_the_last_releases_contracts_hold(
    against_last_release: Callable[..., str],
) -> None:
    against_last_release(PROTOS)


@pytest.mark.parametrize(
    ("pattern", "replacement", "told"),
    [
        (r"string booking_id = 1;", "string booking_id = 99;", "booking_id"),
        (r"string timezone = 10;", "int64 timezone = 10;", "changed type"),
        (r"BOOKING_STATUS_NO_SHOW = 8;", "BOOKING_STATUS_ABSENT = 8;", "BOOKING_STATUS_NO_SHOW"),
    ],
)
def test_a_broken_contract_is_found(
    against_last_release: Callable[..., str],
    tmp_path: Path,
    pattern: str,
    replacement: str,
    told: str,
) -> None:
    protos = shutil.copytree(PROTOS, tmp_path / "changed")
    changed = protos / "attune/booking/v1/booking.proto"
    content, times = re.subn(pattern, replacement, changed.read_text(), count=1)
    assert times == 1
    changed.write_text(content)
    assert told in against_last_release(protos, succeeds=False)
