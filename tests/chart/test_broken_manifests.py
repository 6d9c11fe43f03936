"""The checks find what they are for: each mistake is made in the manifests of an example."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart.conftest import Render
from tests.chart.tools import references, schemas, selection, uniqueness
from tests.chart.tools.helm import Document
from tests.chart.tools.objects import title

pytestmark = pytest.mark.req("PF-14")

Check = Callable[[Sequence[Document]], list[str]]
BOOKING = "Deployment/attune-booking"


class Change:
    """One mistake: the object, the path to the place in it, the value to put there, and what the
    check must say about it."""

    def __init__(self, target: str, path: str, value: Any, said: str) -> None:
        self.target, self.path, self.value, self.said = target, path, value, said

    def apply(self, documents: Sequence[Document]) -> list[Document]:
        """Return the documents with the mistake. A function as value gets the old value."""
        changed = deepcopy(list(documents))
        node: Any
        (node,) = (document for document in changed if title(document) == self.target)
        *parents, last = (int(key) if key.isdigit() else key for key in self.path.split("."))
        for key in parents:
            node = node[key]
        node[last] = self.value(node[last]) if callable(self.value) else self.value
        return changed

    def __str__(self) -> str:
        return f"{self.target.partition('/')[0]}.{self.path}"


def twice(value: list[Any]) -> list[Any]:
    return [*value, value[0]]


POD = "spec.template.spec"
CONTAINER = f"{POD}.containers.0"
LONG = "a" * 64

UNIQUE = [
    Change(BOOKING, "metadata.name", f"x{LONG}", "at most 63 characters"),
    Change(BOOKING, "metadata.name", "Attune_Booking", "small letters"),
    Change(BOOKING, "metadata.name", "attune-billing", "occurs 2 times"),
    Change(BOOKING, "metadata.labels.team", LONG, "the label team"),
    Change(BOOKING, "metadata.labels.team", True, "the label team"),
    Change(BOOKING, f"{POD}.containers", twice, "container booking occurs"),
    Change(BOOKING, f"{POD}.volumes", twice, "volume tmp occurs"),
    Change(BOOKING, f"{CONTAINER}.ports", twice, "port name grpc occurs"),
    Change(BOOKING, f"{CONTAINER}.env", twice, "variable of container booking POD_NAME occurs"),
    Change(BOOKING, f"{CONTAINER}.volumeMounts", twice, "mount of container booking /tmp occurs"),
    Change("Service/attune-booking", "spec.ports", twice, "port name grpc occurs"),
]
SELECTION = [
    Change(BOOKING, "spec.selector.matchLabels", {"a": "b"}, "its own pods"),
    Change(
        BOOKING,
        "spec.selector.matchLabels",
        {"app.kubernetes.io/instance": "attune"},
        "pods of Deployment/attune-billing too",
    ),
    Change(
        BOOKING,
        f"{POD}.topologySpreadConstraints.0.labelSelector.matchLabels.x",
        "y",
        "its own pods",
    ),
    Change("Service/attune-booking", "spec.selector.x", "y", "matches no pod"),
    Change("Service/attune-booking", "spec.ports.0.targetPort", 1, "no container port 1"),
    Change("Service/attune-booking", "spec.ports.0.targetPort", "web", "no container port web"),
    Change("NetworkPolicy/attune-booking", "spec.podSelector.matchLabels.x", "y", "matches no pod"),
    Change(
        "NetworkPolicy/attune-booking",
        "spec.ingress.0.from.0.podSelector.matchLabels.x",
        "y",
        "matches no pod",
    ),
    Change("PodDisruptionBudget/attune-booking", "spec.selector.matchLabels.x", "y", "no pod"),
    Change(
        "HorizontalPodAutoscaler/attune-availability",
        "spec.scaleTargetRef.name",
        "other",
        "no Deployment/other to scale",
    ),
    Change(
        "Ingress/attune-gateway",
        "spec.rules.0.http.paths.0.backend.service.port",
        {"number": 81},
        "the port 81",
    ),
    Change(BOOKING, f"{CONTAINER}.livenessProbe.grpc.port", 50053, "no port 50053"),
]
REFERENCES = [
    Change(BOOKING, f"{POD}.serviceAccountName", "other", "no ServiceAccount other"),
    Change(BOOKING, f"{CONTAINER}.envFrom.0.configMapRef.name", "other", "no ConfigMap/other"),
    Change(
        BOOKING,
        f"{CONTAINER}.env.0.valueFrom",
        {"configMapKeyRef": {"name": "attune-booking", "key": "NO_SUCH"}},
        "has no key NO_SUCH",
    ),
    Change(
        BOOKING,
        f"{CONTAINER}.env.0.valueFrom",
        {"secretKeyRef": {"name": "other", "key": "a"}},
        "no Secret/other",
    ),
    Change(BOOKING, f"{CONTAINER}.volumeMounts.0.name", "other", "no volume other"),
    Change(BOOKING, f"{POD}.volumes", lambda v: [*v, {"name": "x", "emptyDir": {}}], "volume x"),
    Change(
        BOOKING,
        f"{POD}.volumes.0",
        {"name": "tmp", "persistentVolumeClaim": {"claimName": "other"}},
        "no PersistentVolumeClaim other",
    ),
    Change(BOOKING, f"{POD}.volumes.0.emptyDir.sizeLimit", "16MiB", "no size"),
    Change(BOOKING, f"{CONTAINER}.resources.limits.memory", "320Mb", "no quantity of memory"),
    Change(BOOKING, f"{CONTAINER}.resources.requests.memory", "1Gi", "above its limit"),
    Change(BOOKING, f"{CONTAINER}.env.1.value", "a=$(NO_SUCH)", "$(NO_SUCH)"),
]
FIELDS = [
    Change(BOOKING, f"{CONTAINER}.readynessProbe", {}, "'readynessProbe' was unexpected"),
    Change(BOOKING, "spec.replicas", "2", "integer"),
    Change(BOOKING, f"{CONTAINER}.ports.0.containerPort", "50051", "integer"),
    Change("ConfigMap/attune-booking", "data.X", 1, "string"),
    Change(BOOKING, "apiVersion", "apps/v1beta2", "does not know"),
    Change("NetworkPolicy/attune-booking", "spec.policyType", [], "'policyType' was unexpected"),
]


def found(change: Change, check: Check, documents: Sequence[Document]) -> None:
    """Assert that the check says nothing about the documents, and names the mistake in them."""
    assert check(documents) == []
    told = check(change.apply(documents))
    assert any(change.said in problem for problem in told), told


@pytest.mark.parametrize("change", UNIQUE, ids=str)
def test_duplicates_and_long_names_are_found(change: Change, render: Render) -> None:
    found(change, uniqueness.problems, render("prod"))


@pytest.mark.parametrize("change", SELECTION, ids=str)
def test_selectors_and_ports_that_find_nothing_are_found(change: Change, render: Render) -> None:
    found(change, selection.problems, render("prod"))


@pytest.mark.parametrize("change", REFERENCES, ids=str)
def test_references_to_nothing_are_found(change: Change, render: Render) -> None:
    """In the development example the chart makes the Secrets, so that their keys are known."""
    found(change, references.problems, render("dev"))


def test_a_missing_key_of_a_secret_is_found(render: Render) -> None:
    def remove(documents: Sequence[Document]) -> list[Document]:
        changed = deepcopy(list(documents))
        (secret,) = (d for d in changed if title(d) == "Secret/attune-shared")
        for part in ("data", "stringData"):
            secret.get(part, {}).pop("blind-index-key", None)
        return changed

    told = references.problems(remove(render("dev")))
    assert any("Secret/attune-shared has no key blind-index-key" in found for found in told)


@pytest.mark.parametrize("version", schemas.VERSIONS)
@pytest.mark.parametrize("change", FIELDS, ids=str)
def test_unknown_fields_and_wrong_types_are_found(
    change: Change, version: str, render: Render
) -> None:
    found(change, lambda documents: schemas.problems(documents, version), render("prod"))


CUSTOM = yaml.safe_load((Path(__file__).parent / "custom_resources.yaml").read_text())


def test_mistakes_in_custom_resources_are_found() -> None:
    """All mistakes at once: Node takes longer to start than to validate."""
    good = [entry["document"] for entry in CUSTOM]
    broken = [
        Change(title(entry["document"]), entry["path"], entry["value"], "").apply(
            [entry["document"]]
        )[0]
        for entry in CUSTOM
    ]
    told = schemas.custom_problems([*good, *broken])
    assert len(told) == len(broken), told
    for problem, entry in zip(told, CUSTOM, strict=True):
        assert problem.startswith(f"{entry['document']['kind']}/"), told
        assert entry["path"].replace(".", "/") in problem


def test_mistakes_in_cnpg_are_found(render: Render, schemas_folder: Path) -> None:
    (cluster,) = (d for d in render("cnpg") if d["kind"] == "Cluster")
    change = Change(title(cluster), "spec.postgresql.parameter", {}, "'parameter' was unexpected")
    found(change, lambda documents: schemas.cnpg_problems(documents, schemas_folder), [cluster])


@pytest.mark.parametrize(
    ("text", "number"),
    [
        *[("128Mi", 128 * 2**20), ("100m", 0.1), ("1.5Gi", 1.5 * 2**30), ("2", 2), ("1e3", 1000)],
        *[("1E", 10**18), ("128MB", None), ("1 Gi", None), ("", None), ("m", None), ("-1", None)],
    ],
)
def test_quantities(text: str, number: float | None) -> None:
    parsed = references.quantity(text)
    assert parsed == number if parsed is None or number is None else float(parsed) == number
