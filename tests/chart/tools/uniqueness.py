"""Names and duplicates that an API server refuses, or silently merges."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from tests.chart.tools.helm import Document
from tests.chart.tools.objects import Workload, title, workloads

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
_LABEL = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?")
_LONGEST = 63  # a Service's name is a DNS label, and names become values of labels
# Controllers append to these names: CronJob a time, StatefulSet a hash in a label.
_LONGEST_OF = {"CronJob": 52, "StatefulSet": 52}


def problems(documents: Sequence[Document]) -> list[str]:
    """Return what is wrong with names, labels, and entries that must be unique."""
    return [
        *_of_names(documents),
        *(f"{title(d)}: {found}" for d in documents for found in _of_labels(d)),
        *(f"{w.name}: {found}" for w in workloads(documents) for found in _of_pods(w)),
        *(f"{title(d)}: {found}" for d in documents for found in _of_service(d)),
    ]


def repeated(what: str, values: Iterable[Any]) -> Iterator[str]:
    """Return a problem for each value that occurs more than once."""
    for value, count in Counter(values).items():
        if count > 1:
            yield f"{what} {value} occurs {count} times"


def _of_names(documents: Sequence[Document]) -> Iterator[str]:
    yield from repeated(
        "the object",
        (
            f"{d['apiVersion'].rpartition('/')[0]} {title(d)} of {d['metadata'].get('namespace')}"
            for d in documents
        ),
    )
    for document in documents:
        name = document["metadata"]["name"]
        longest = _LONGEST_OF.get(document["kind"], _LONGEST)
        if len(name) > longest:
            yield f"{title(document)}: a name has at most {longest} characters, not {len(name)}"
        if not _NAME.fullmatch(name):
            yield f"{title(document)}: a name has small letters, digits, and hyphens only"


def _of_labels(document: Document) -> Iterator[str]:
    for labels in _labels(document):
        for key, value in labels.items():
            if not isinstance(value, str) or len(value) > 63 or not _LABEL.fullmatch(value):
                yield f"the label {key} cannot be {value!r}"


def _labels(node: Any) -> Iterator[Document]:
    """Return all maps of labels, and of labels to match, however deep."""
    if isinstance(node, list):
        for entry in node:
            yield from _labels(entry)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key in ("matchLabels", "labels") and isinstance(value, dict):
                yield value
            else:
                yield from _labels(value)


def _of_pods(workload: Workload) -> Iterator[str]:
    containers = [container.spec for container in workload.containers]
    yield from repeated("container", (c["name"] for c in containers))
    yield from repeated("volume", (v["name"] for v in workload.spec.get("volumes", [])))
    # A server accepts the same port of two containers, but only one of them can listen on it.
    yield from repeated(
        "container port", ((p["containerPort"], p.get("protocol", "TCP")) for p in workload.ports)
    )
    yield from repeated("port name", (p["name"] for p in workload.ports if "name" in p))
    for container in containers:
        where = f"of container {container['name']}"
        env = (entry["name"] for entry in container.get("env", []))
        yield from repeated(f"variable {where}", env)
        mounts = (mount["mountPath"] for mount in container.get("volumeMounts", []))
        yield from repeated(f"mount {where}", mounts)


def _of_service(document: Document) -> Iterator[str]:
    if document["kind"] != "Service":
        return
    ports = document["spec"].get("ports", [])
    yield from repeated("port", ((p["port"], p.get("protocol", "TCP")) for p in ports))
    yield from repeated("port name", (p.get("name") for p in ports))
