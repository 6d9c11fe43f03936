"""Views of rendered Kubernetes objects: workloads, their containers, and label selectors."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.chart.tools.helm import Document

LONG_RUNNING = ("Deployment", "StatefulSet", "DaemonSet")


@dataclass(frozen=True)
class Workload:
    """An object that makes pods, and the template of the pods."""

    document: Document
    template: Document

    @property
    def kind(self) -> str:
        return str(self.document["kind"])

    @property
    def name(self) -> str:
        return title(self.document)

    @property
    def spec(self) -> Document:
        """The specification of the pods."""
        spec: Document = self.template["spec"]
        return spec

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels of the pods."""
        labels: Mapping[str, str] = self.template.get("metadata", {}).get("labels", {})
        return labels

    @property
    def component(self) -> str:
        """The service, or other part, that the pods are."""
        return self.labels.get("app.kubernetes.io/component", "")

    @property
    def is_long_running(self) -> bool:
        return self.kind in LONG_RUNNING

    @property
    def containers(self) -> "list[Container]":
        """All containers, those that run at first in front."""
        return [
            Container(self, entry, is_init=key == "initContainers")
            for key in ("initContainers", "containers")
            for entry in self.spec.get(key, [])
        ]

    @property
    def ports(self) -> list[Document]:
        """The ports of all containers."""
        return [port for container in self.containers for port in container.spec.get("ports", [])]


@dataclass(frozen=True)
class Container:
    """A container of a workload's pods."""

    workload: Workload
    spec: Document
    is_init: bool

    @property
    def name(self) -> str:
        return f"{self.workload.name}: container {self.spec['name']}"

    @property
    def is_long_running(self) -> bool:
        """Return whether the container runs as long as the pod, as a sidecar does, too."""
        return self.workload.is_long_running and (
            not self.is_init or self.spec.get("restartPolicy") == "Always"
        )


def title(document: Document) -> str:
    """Return kind and name, such as `Deployment/attune-booking`."""
    return f"{document['kind']}/{document['metadata']['name']}"


def group(document: Document) -> str:
    """Return the API group, such as `apps`; the core group is empty."""
    return str(document["apiVersion"]).rpartition("/")[0]


def of_kind(documents: Iterable[Document], *kinds: str) -> Iterator[Document]:
    """Return the documents of these kinds."""
    return (document for document in documents if document["kind"] in kinds)


def workloads(documents: Iterable[Document]) -> list[Workload]:
    """Return everything that makes pods."""
    found = []
    for document in documents:
        spec = document.get("spec", {})
        match document["kind"]:
            case "Pod":
                found.append(Workload(document, document))
            case "CronJob":
                found.append(Workload(document, spec["jobTemplate"]["spec"]["template"]))
            case "Deployment" | "StatefulSet" | "DaemonSet" | "Job":
                found.append(Workload(document, spec["template"]))
    return found


def matches(selector: Document, labels: Mapping[str, Any]) -> bool:
    """Return whether a label selector selects these labels. An empty selector selects all."""
    wanted = selector.get("matchLabels", {})
    return all(labels.get(key) == value for key, value in wanted.items()) and all(
        _satisfies(labels, rule) for rule in selector.get("matchExpressions", [])
    )


def _satisfies(labels: Mapping[str, Any], rule: Document) -> bool:
    value = labels.get(rule["key"])
    match rule["operator"]:
        case "In":
            return value in rule["values"]
        case "NotIn":
            return value not in rule["values"]
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
    raise ValueError(f"{rule['operator']} is no operator of a label selector")
