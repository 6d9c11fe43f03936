"""What a process under test has measured so far, by its OpenTelemetry names."""

from collections.abc import Iterator
from typing import Any

from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader


class Measurements:
    """Collects this process's metrics when it is asked for them."""

    def __init__(self) -> None:
        self._reader = InMemoryMetricReader()
        metrics.set_meter_provider(MeterProvider(metric_readers=[self._reader]))

    def points(self, name: str, **attributes: str | int) -> list[Any]:
        """Return a metric's data points that have these attributes, dots written as underscores,
        among others."""
        return [
            point
            for metric, point in self._all()
            if metric == name and attributes.items() <= _underscored(point.attributes).items()
        ]

    def total(self, name: str, **attributes: str | int) -> float:
        """Return the sum of a counter or gauge, or the number of values in a histogram."""
        values: list[float] = [
            point.count if hasattr(point, "count") else point.value
            for point in self.points(name, **attributes)
        ]
        return sum(values)

    def _all(self) -> Iterator[tuple[str, Any]]:
        data = self._reader.get_metrics_data()
        for resource in data.resource_metrics if data else ():
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    for point in metric.data.data_points:
                        yield metric.name, point


def _underscored(attributes: Any) -> dict[str, str | int]:
    return {name.replace(".", "_"): value for name, value in (attributes or {}).items()}
