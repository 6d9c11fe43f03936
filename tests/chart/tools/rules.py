"""Alerts and records of the rendered chart."""

import copy
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.chart.tools.helm import Document

Rule = dict[str, Any]
ENABLED = "monitoring.rules.enabled=true"


def rules(documents: Iterable[Document]) -> Iterator[Rule]:
    """Yield every rule of the PrometheusRules."""
    for group in groups(documents):
        yield from group["rules"]


def groups(documents: Iterable[Document]) -> Iterator[dict[str, Any]]:
    """Yield every group of the PrometheusRules."""
    for document in documents:
        if document["kind"] == "PrometheusRule":
            yield from document["spec"]["groups"]


def alerts(documents: Iterable[Document]) -> set[str]:
    """Return the names of the alerts."""
    return {rule["alert"] for rule in rules(documents) if "alert" in rule}


def write(documents: Iterable[Document], folder: Path, *, annotations: bool = True) -> None:
    """Write a file of rules, as Prometheus reads them, for each objective, and `alerts.yaml`."""
    files: dict[str, list[dict[str, Any]]] = {}
    for group in copy.deepcopy([*groups(documents)]):
        if not annotations:  # tests of rules would have to repeat every text
            for rule in group["rules"]:
                rule.pop("annotations", None)
        files.setdefault(group["name"].removesuffix("-days"), []).append(group)
    folder.mkdir()
    for name, written in files.items():
        content = yaml.safe_dump({"groups": written}, sort_keys=False)
        (folder / f"{name}.yaml").write_text(content)
