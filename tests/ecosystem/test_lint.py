"""The OpenAPI document and the protos pass the linters of their ecosystems."""

import json
import os
import re
import shutil
from pathlib import Path

import pytest

from tests.ecosystem import programs

HERE = Path(__file__).parent
PROTOS = HERE.parents[1] / "protos"
QUIET = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}


@pytest.fixture
def damaged(document: Path) -> Path:
    """The document with a bound that JSON Schema does not know, and a default of the wrong type."""
    content = json.loads(document.read_bytes())
    schemas = content["components"]["schemas"]
    schemas["NewWeeklyBlock"]["properties"]["day"]["ge"] = 0
    schemas["NewBlock"]["properties"]["online"]["default"] = "yes"
    path = document.with_name("damaged.json")
    path.write_text(json.dumps(content))
    return path


# One run for both documents: a linter takes longer to start than to read.


@pytest.mark.req("GW-1")
def test_redocly_finds_nothing_but_what_is_wrong(document: Path, damaged: Path) -> None:
    said = programs.node(
        "@redocly/cli/bin/cli.js",
        *(
            "lint",
            "--config",
            HERE / "redocly.yaml",
            "--format",
            "github-actions",
            document,
            damaged,
        ),
        succeeds=False,
        env={**os.environ, **QUIET},
    )
    found = re.findall(r"^::\w+ .*?file=([^,]+),", said, re.M)
    assert {Path(place).name for place in found} == {damaged.name}, said
    assert f"{document.name}: validated" in said


@pytest.mark.req("GW-1")
def test_spectral_finds_nothing_but_what_is_wrong(document: Path, damaged: Path) -> None:
    said = programs.node(
        "@stoplight/spectral-cli/dist/index.js",
        *("lint", "--ruleset", HERE / "spectral.yaml", "--fail-severity", "hint"),
        *("--format", "json", "--quiet", document, damaged),
        succeeds=False,
    )
    found = json.loads(said[said.index("[") : said.rindex("]") + 1])
    assert {Path(problem["source"]).name for problem in found} == {damaged.name}, said


def test_buf_finds_nothing_in_the_protos() -> None:
    programs.tool("buf", "lint", cwd=PROTOS)


def test_buf_does_find_what_is_wrong(tmp_path: Path) -> None:
    shutil.copytree(PROTOS, tmp_path, dirs_exist_ok=True)
    service = tmp_path / "attune/booking/v1/booking_service.proto"
    service.write_text(service.read_text().replace("service BookingService", "service Bookings"))
    with pytest.raises(AssertionError, match="should be suffixed"):
        programs.tool("buf", "lint", cwd=tmp_path)
