"""The chart takes the values of the last release, and `helm upgrade` can apply what it renders."""

from collections.abc import Iterable
from copy import deepcopy
from pathlib import Path

import pytest

from tests.chart.tools import helm
from tests.releases import history

pytestmark = pytest.mark.req("PF-15")
CHART = "deploy/helm"
# What an API server refuses to change in an object, by kind.
_FIXED = {
    "Deployment": ("selector",),
    "StatefulSet": ("selector", "serviceName", "volumeClaimTemplates", "podManagementPolicy"),
    "PersistentVolumeClaim": ("accessModes", "storageClassName", "volumeName"),
    "Service": ("clusterIP",),
}


def fixed(documents: Iterable[helm.Document]) -> dict[tuple[str, str], dict[str, object]]:
    """Return the fields that can never change, by kind and name of the object."""
    return {
        (document["kind"], document["metadata"]["name"]): {
            field: document["spec"].get(field) for field in _FIXED[document["kind"]]
        }
        for document in documents
        if document["kind"] in _FIXED
    }


def obstacles(before: Iterable[helm.Document], after: Iterable[helm.Document]) -> list[str]:
    """Return what keeps an installation of `before` from becoming `after` without downtime."""
    old, new = fixed(before), fixed(after)
    found = [f"{kind} {name} is gone" for kind, name in old.keys() - new.keys()]
    for kind, name in old.keys() & new.keys():
        was, is_now = old[kind, name], new[kind, name]
        found += [f"{kind} {name} has another {f}" for f in was if was[f] != is_now[f]]
    return sorted(found)


@pytest.fixture(scope="module")
def last_chart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The chart of the last release."""
    release = history.last()
    if not release.has(f"{CHART}/Chart.yaml"):
        pytest.skip(f"{release.version}, the last release, has no chart")
    folder = tmp_path_factory.mktemp("last-chart")
    release.extract(folder, CHART)
    return folder / CHART


def test_the_last_releases_values_upgrade(last_chart: Path) -> None:
    examples = sorted((last_chart / "ci").glob("*-values.yaml"))
    assert examples
    for values in examples:
        before = helm.documents(values, chart=last_chart)
        after = helm.documents(values)
        assert obstacles(before, after) == [], values.name


def test_obstacles_are_found() -> None:
    before = helm.documents("dev")
    assert {"Deployment", "Service"} <= {kind for kind, _ in fixed(before)}
    after = [deepcopy(each) for each in before if each["metadata"]["name"] != "attune-billing"]
    for each in after:
        if (each["kind"], each["metadata"]["name"]) == ("Deployment", "attune-booking"):
            each["spec"]["selector"]["matchLabels"]["more"] = "than before"
    assert obstacles(before, after) == [
        "Deployment attune-billing is gone",
        "Deployment attune-booking has another selector",
        "Service attune-billing is gone",
    ]
    assert obstacles(before, before) == []
