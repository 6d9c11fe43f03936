"""The table of retention, its documentation, and what the services remove agree."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from attune_operator import projections, retention
from attune_operator.main import main
from common.services import GATEWAY, SERVICES
from common.upkeep.retention import EVERY_SERVICE, KINDS

_DOCS = Path(__file__).parents[3] / "docs" / "operations.md"
_ROW = re.compile(r"^\| `([\w-]+)` \| (.+) \| ([\w -]+) \| ([\w ]+) \| (\d+) \|$", re.MULTILINE)


@pytest.mark.req("PF-10")
def test_each_service_removes_exactly_its_kinds() -> None:
    installed = retention.installed()
    assert installed.keys() == {*SERVICES, GATEWAY}
    for service, purges in installed.items():
        own = {kind.name for kind in KINDS if kind.service == service}
        shared = {kind.name for kind in KINDS if kind.service == EVERY_SERVICE}
        assert purges.by_kind.keys() == own | (set() if service == GATEWAY else shared), service
        assert purges.service == service


@pytest.mark.req("PF-10")
def test_the_documentation_has_the_table() -> None:
    section = _DOCS.read_text().partition("\n## Retention\n")[2].partition("\n## ")[0]
    assert _ROW.findall(section) == [
        (
            kind.name,
            kind.what,
            "all except the gateway" if kind.service == EVERY_SERVICE else kind.service,
            "off" if kind.days is None else f"{kind.days} days",
            str(kind.least),
        )
        for kind in KINDS
    ]


@pytest.mark.req("PF-10")
def test_the_command_shows_the_table_with_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETENTION", "notices=200d;clients=3650d;notes=off")
    shown = CliRunner().invoke(main, ["retention", "list"]).output.splitlines()
    periods = {line.split()[0]: line[29:39].strip() for line in shown}
    assert len(periods) == len(KINDS)
    assert (periods["notices"], periods["clients"], periods["notes"], periods["inbox"]) == (
        *("200 days", "3650 days"),
        *("off", "14 days"),
    )


@pytest.mark.req("PF-4")
def test_every_service_that_copies_bookings_has_its_projection_compared() -> None:
    names = {service: one.name for service, one in projections.installed().items()}
    assert names == {
        "availability": "taken",
        "telehealth-rooms": "rooms",
        "notifications": "notices",
        "billing": "bills",
    }
