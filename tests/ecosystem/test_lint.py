"""The OpenAPI document and the protos pass the linters of their ecosystems."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.ecosystem import programs

HERE = Path(__file__).parent
PROTOS = HERE.parents[1] / "protos"
QUIET = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}


def redocly(document: Path) -> str:
    config = HERE / "redocly.yaml"
    command = ("@redocly/cli/bin/cli.js", "lint", "--config", config, document)
    return programs.node(*command, env={**os.environ, **QUIET})


def spectral(document: Path) -> str:
    ruleset = ("--ruleset", HERE / "spectral.yaml", "--fail-severity", "hint")
    return programs.node("@stoplight/spectral-cli/dist/index.js", "lint", *ruleset, document)


@pytest.mark.req("GW-1")
def test_redocly_finds_nothing(document: Path) -> None:
    redocly(document)


@pytest.mark.req("GW-1")
def test_spectral_finds_nothing(document: Path) -> None:
    spectral(document)


def break_bound(document: Any) -> None:
    document["components"]["schemas"]["NewWeeklyBlock"]["properties"]["day"]["ge"] = 0


def break_default(document: Any) -> None:
    document["components"]["schemas"]["NewBlock"]["properties"]["online"]["default"] = "yes"


@pytest.mark.parametrize(("program", "damage"), [(redocly, break_bound), (spectral, break_default)])
def test_the_linters_do_find_what_is_wrong(document: Path, program: Any, damage: Any) -> None:
    content = json.loads(document.read_bytes())
    damage(content)
    document.write_text(json.dumps(content))
    with pytest.raises(AssertionError):
        program(document)


def test_buf_finds_nothing_in_the_protos() -> None:
    programs.tool("buf", "lint", cwd=PROTOS)


def test_buf_does_find_what_is_wrong(tmp_path: Path) -> None:
    shutil.copytree(PROTOS, tmp_path, dirs_exist_ok=True)
    service = tmp_path / "attune/booking/v1/booking_service.proto"
    service.write_text(service.read_text().replace("service BookingService", "service Bookings"))
    with pytest.raises(AssertionError, match="should be suffixed"):
        programs.tool("buf", "lint", cwd=tmp_path)
