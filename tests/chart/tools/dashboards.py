"""Grafana dashboards of the rendered chart."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from tests.chart.tools.helm import Document

ENABLED = "monitoring.dashboards.enabled=true"
_VARIABLES = {"$__rate_interval": "5m", "$namespace": ".*"}


def dashboards(documents: Iterable[Document]) -> dict[str, dict[str, Any]]:
    """Return every dashboard by its uid."""
    found: dict[str, dict[str, Any]] = {}
    for document in documents:
        if document["kind"] == "ConfigMap" and "-dashboard-" in document["metadata"]["name"]:
            for text in document["data"].values():
                dashboard = json.loads(text)
                found[dashboard["uid"]] = dashboard
    return found


def panels(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the panels that show something."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def expressions(documents: Iterable[Document]) -> Iterator[str]:
    """Yield every query, with values in place of Grafana's variables."""
    for dashboard in dashboards(documents).values():
        for panel in panels(dashboard):
            for target in panel["targets"]:
                expression: str = target["expr"]
                for variable, value in _VARIABLES.items():
                    expression = expression.replace(variable, value)
                yield expression
