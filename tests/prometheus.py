"""The names under which Prometheus knows what services send by OTLP.

The rules are those of OpenTelemetry's "Prometheus and OpenMetrics Compatibility", which the
Collector's Prometheus exporter follows.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

from tests.collector import MetricsRequest

Labels = Mapping[str, str]
_UNITS = {"s": "seconds", "By": "bytes", "1": "ratio"}


def series(requests: Iterable[MetricsRequest]) -> dict[str, list[Labels]]:
    """Return the labels of every series by the name of its metric."""
    found: defaultdict[str, list[Labels]] = defaultdict(list)
    for request in requests:
        for resource in request.resource_metrics:
            target = _target(_texts(resource.resource.attributes))
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    for name, labels in _converted(metric):
                        found[name].append({**labels, **target})
    return dict(found)


def _target(resource: Labels) -> Labels:
    name = "/".join(filter(None, (resource.get("service_namespace"), resource["service_name"])))
    return {"job": name, "instance": resource["service_instance_id"]}


def _converted(metric: Metric) -> Iterator[tuple[str, Labels]]:
    name = _name(metric)
    if metric.HasField("histogram"):
        for histogram in metric.histogram.data_points:
            labels = _texts(histogram.attributes)
            yield f"{name}_count", labels
            yield f"{name}_sum", labels
            for bound in (*map(repr, histogram.explicit_bounds), "+Inf"):
                yield f"{name}_bucket", {**labels, "le": bound}
    else:
        for point in (metric.sum if metric.HasField("sum") else metric.gauge).data_points:
            yield name, _texts(point.attributes)


def _name(metric: Metric) -> str:
    parts = [re.sub(r"[^a-zA-Z0-9]+", "_", metric.name)]
    is_gauge = metric.HasField("gauge")
    unit = _UNITS.get(metric.unit, "")
    if unit and (unit != "ratio" or is_gauge) and not parts[0].endswith(f"_{unit}"):
        parts.append(unit)
    if metric.HasField("sum") and metric.sum.is_monotonic:
        parts.append("total")
    return "_".join(parts)


def _texts(attributes: Any) -> dict[str, str]:
    texts: dict[str, str] = {}
    for attribute in attributes:
        kind = attribute.value.WhichOneof("value")
        name = re.sub(r"[^a-zA-Z0-9]", "_", attribute.key)
        texts[name] = str(getattr(attribute.value, kind))
    return texts
