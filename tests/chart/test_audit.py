"""checkov finds nothing in the rendered chart but what is so on purpose: `make chart-audit`."""

import json
from pathlib import Path

import pytest

from tests.chart.conftest import need
from tests.chart.tools import helm, scoreboard
from tests.chart.tools.install import TOOLS
from tests.ecosystem import programs

pytestmark = [pytest.mark.soak, pytest.mark.req("PF-14")]

ON_PURPOSE = {
    "CKV_K8S_8": "helm tests are pods that end, and have no probes",
    "CKV_K8S_9": "helm tests are pods that end, and have no probes",
    "CKV_K8S_11": "a limit of CPU slows requests while the node has CPU to spare",
    "CKV_K8S_35": "the development PostgreSQL's image takes its password from a variable",
    "CKV_K8S_40": "the development PostgreSQL's image has a user of its own",
}


def test_checkov_finds_nothing(tmp_path: Path) -> None:
    checkov = need(TOOLS / "checkov" / "bin" / "checkov")
    files: list[str | Path] = []
    for path in helm.values_files():
        rendered = tmp_path / path.name
        rendered.write_text(helm.text(path, *scoreboard.digests(path)))
        files += ["-f", rendered]
    told = programs.run(
        *(checkov, *files, "--framework", "kubernetes", "--skip-download", "--quiet"),
        *("--compact", "--output", "json", "--soft-fail"),
    )
    report = json.loads(told)
    failed = report["results"]["failed_checks"]
    assert report["summary"]["passed"] > 1000
    unexpected = [(f["check_id"], f["resource"]) for f in failed if f["check_id"] not in ON_PURPOSE]
    assert unexpected == []
    # A reason that no longer applies is taken out.
    assert {f["check_id"] for f in failed} == ON_PURPOSE.keys()
