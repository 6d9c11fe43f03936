"""skaffold.yaml: its schema, its services, and the chart that it installs (spec PF-16)."""

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from common.services import GATEWAY, SERVICES

ROOT = Path(__file__).parents[2]
ALL = (*SERVICES, GATEWAY)
SCHEMAS = "ATTUNE_SCHEMAS"

pytestmark = pytest.mark.req("PF-16")


@pytest.fixture(scope="module")
def skaffold() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "skaffold.yaml").read_text())
    return found


@pytest.fixture(scope="module")
def schema() -> jsonschema_rs.Draft7Validator:
    """skaffold's schema, in the folder that ATTUNE_SCHEMAS names; without that, a loud skip."""
    if SCHEMAS not in os.environ:
        words = f"SKAFFOLD.YAML WAS NOT VALIDATED: {SCHEMAS} names no folder of schemas"
        sys.__stderr__.write(f"\n{words}\n")  # type: ignore[union-attr]  # past pytest's capture
        pytest.skip(words)
    path = Path(os.environ[SCHEMAS]) / "skaffold-v4beta13.json"
    assert path.exists(), f"{SCHEMAS} names a folder without {path.name}"
    return jsonschema_rs.Draft7Validator(json.loads(path.read_text()))


def test_it_is_valid(skaffold: dict[str, Any], schema: jsonschema_rs.Draft7Validator) -> None:
    assert [error.message for error in schema.iter_errors(skaffold)] == []


def test_a_wrong_key_is_noticed(
    skaffold: dict[str, Any], schema: jsonschema_rs.Draft7Validator
) -> None:
    (release,) = skaffold["deploy"]["helm"]["releases"]
    wrong = {**skaffold, "deploy": {"helm": {"releases": [{**release, "valueFiles": []}]}}}
    assert not schema.is_valid(wrong)


def test_it_builds_every_service_by_the_one_recipe(skaffold: dict[str, Any]) -> None:
    artifacts = skaffold["build"]["artifacts"]
    assert [artifact["image"] for artifact in artifacts] == [f"attune/{name}" for name in ALL]
    for service, artifact in zip(ALL, artifacts, strict=True):
        assert artifact["docker"] == {
            "dockerfile": "deploy/Dockerfile",
            "buildArgs": {"SERVICE": service},
        }


def test_it_gives_the_chart_the_images_that_it_built(skaffold: dict[str, Any]) -> None:
    (release,) = skaffold["deploy"]["helm"]["releases"]
    expected = {"global.image.registry": "{{.IMAGE_DOMAIN_attune_gateway}}"}
    for service in ALL:
        # skaffold's variables have _ for every other sign in a name.
        name = re.sub(r"\W", "_", f"attune/{service}")
        image = f"services.{service}.image"
        expected[f"{image}.repository"] = f"{{{{.IMAGE_REPO_NO_DOMAIN_{name}}}}}"
        expected[f"{image}.tag"] = f"{{{{.IMAGE_TAG_{name}}}}}"
    assert release["setValueTemplates"] == expected
