"""Every container has what the acceptance table asks for (spec PF-14).

`python -m tests.chart.tools.scoreboard` prints the table.
"""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from tests.chart.conftest import Render
from tests.chart.tools import helm, scoreboard
from tests.chart.tools.objects import of_kind, workloads

pytestmark = pytest.mark.req("PF-14")

SERVICES = 7


def missing(scores: dict[str, dict[str, bool]]) -> dict[str, list[str]]:
    """Return the columns that a container does not satisfy."""
    lacks = {
        name: [column for column, met in found.items() if not met] for name, found in scores.items()
    }
    return {name: columns for name, columns in lacks.items() if columns}


def test_every_container_meets_every_column(values: Path, render: Render) -> None:
    scores = scoreboard.score(render(values, *scoreboard.digests(values)))
    assert len(scores) >= 2 * SERVICES  # each with the container that waits for the schema
    assert missing(scores) == {}, scoreboard.table(scores)


def test_production_has_every_kind_of_object(render: Render) -> None:
    """Only the chart's own collector has a monitor; the example of CloudNativePG has one."""
    found = {name for name, present in scoreboard.kinds(render("prod")).items() if not present}
    assert found <= {"monitor"}
    assert scoreboard.kinds(render("cnpg"))["monitor"]


def test_every_service_has_a_budget_and_scales_in_production(render: Render) -> None:
    documents = render("prod")
    for kind in ("PodDisruptionBudget", "NetworkPolicy", "ServiceAccount"):
        components = {
            document["metadata"]["labels"]["app.kubernetes.io/component"]
            for document in of_kind(documents, kind)
        }
        assert len(components) >= SERVICES, kind


BREAKAGES: dict[str, tuple[str, Any]] = {
    "cpu": ("resources.requests.cpu", None),
    "memory": ("resources.requests.memory", None),
    "limit": ("resources.limits", {}),
    "nonroot": ("securityContext.runAsNonRoot", False),
    "readonly": ("securityContext.readOnlyRootFilesystem", False),
    "drop ALL": ("securityContext.capabilities", {"drop": ["ALL"], "add": ["NET_RAW"]}),
    "seccomp": ("securityContext.seccompProfile", {"type": "Unconfined"}),
    "no escal.": ("securityContext.allowPrivilegeEscalation", True),
    "no token": ("pod.automountServiceAccountToken", True),
    "startup": ("startupProbe", {}),
    "ready": ("readinessProbe", {}),
    "live": ("livenessProbe", {}),
    "native": ("livenessProbe", {"exec": {"command": ["true"]}}),
    "spread": ("pod.topologySpreadConstraints", []),
    "preStop": ("lifecycle", {}),
    "grace": ("pod.terminationGracePeriodSeconds", 20),
    "digest": ("image", "registry.example.com/booking:1.0"),
}


@pytest.mark.parametrize("column", [*scoreboard.ALWAYS, *scoreboard.SERVING])
def test_each_column_can_fail(column: str, render: Render) -> None:
    documents = deepcopy(render("prod", *scoreboard.digests("prod")))
    (workload,) = (
        w for w in workloads(documents) if w.is_long_running and w.component == "booking"
    )
    container = workload.containers[-1]
    path, value = BREAKAGES[column]
    node = workload.spec if path.startswith("pod.") else container.spec
    *parents, last = path.removeprefix("pod.").split(".")
    for key in parents:
        node = node[key]
    node[last] = value
    assert column in missing(scoreboard.score(documents))[container.name]


def test_the_table_shows_what_is_missing(render: Render) -> None:
    documents = deepcopy(render("minimal"))
    scores = scoreboard.score(documents)
    assert "NO" in scoreboard.table(scores)  # images by tag
    assert "NO" not in scoreboard.table(
        scoreboard.score(render("minimal", *scoreboard.digests("minimal")))
    )


def test_digests_are_set_for_every_image(values: Path, render: Render) -> None:
    documents = render(values, *scoreboard.digests(values))
    images = [c.spec["image"] for w in workloads(documents) for c in w.containers]
    assert all(image.endswith(scoreboard.DIGEST) for image in images), images
    assert helm.values_of(values)["defaults"]["image"]["digest"] in ("", None)
