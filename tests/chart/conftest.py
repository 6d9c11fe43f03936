"""Fixtures for the tests of the Helm chart, and a skip where its tools could not be installed."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chart.tools import helm, install

Render = Callable[..., tuple[helm.Document, ...]]


def need(tool: Path) -> Path:
    """Return the path of a tool. Skip the test, or fail it with `CI=true`, if it is not there."""
    if not tool.exists():
        told = f"{tool.name} is not installed: run `make setup`, which says why"
        if os.environ.get("CI") == "true":
            pytest.fail(told)
        pytest.skip(told)
    return tool


@pytest.fixture(scope="session", autouse=True)
def _helm() -> None:
    need(install.HELM)


@pytest.fixture(scope="session")
def render() -> Render:
    """Return a function that renders the chart: `render("prod", "global.image.tag=1.2.3")`.

    It takes the name of a file in `ci`, or a path, and any number of `--set` entries, and returns
    the documents, which all tests share.
    """
    return helm.documents


@pytest.fixture(scope="session")
def promtool() -> Path:
    """Return the path of promtool."""
    return need(install.PROMTOOL)


@pytest.fixture(scope="session")
def schemas_folder() -> Path:
    """Return the folder of other projects' schemas that ATTUNE_SCHEMAS names."""
    folder = os.environ.get("ATTUNE_SCHEMAS")
    if not folder:
        pytest.skip("ATTUNE_SCHEMAS names no folder with the schemas of CloudNativePG")
    return Path(folder)


@pytest.fixture(params=helm.values_files(), ids=lambda path: path.name.removesuffix("-values.yaml"))
def values(request: pytest.FixtureRequest) -> Path:
    """Each of the chart's example values."""
    path: Path = request.param
    return path


@pytest.fixture(scope="session")
def all_examples(render: Render) -> list[helm.Document]:
    """Return the documents of all examples."""
    return [document for path in helm.values_files() for document in render(path)]
