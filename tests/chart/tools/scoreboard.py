"""Scores each container of the chart: resources, probes, restricted security, spread, shutdown.

`python -m tests.chart.tools.scoreboard` prints the table for each of the chart's example values.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.chart.tools import helm
from tests.chart.tools.helm import Document
from tests.chart.tools.objects import Container, group, workloads
from tests.chart.tools.references import quantity

Column = Callable[[Container], object]
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
HTTP = ("gateway", "collector")
"""The components whose probes are HTTP requests; all others that Attune has made speak gRPC."""
# Programs of others, which speak no gRPC, have a probe of their own.
_OF_OTHERS = ("postgres", "nats")


def _security(container: Container, key: str) -> Any:
    """Return a field of the container's security context, or else of its pod's."""
    own = container.spec.get("securityContext", {})
    return own.get(key, container.workload.spec.get("securityContext", {}).get(key))


def _resource(side: str, name: str) -> Column:
    return lambda c: quantity(c.spec.get("resources", {}).get(side, {}).get(name)) or None


def _without_token(container: Container) -> bool:
    return container.workload.spec.get("automountServiceAccountToken") is False


def _native_probes(container: Container) -> bool:
    """Return whether the probes are made by the kubelet itself, without a program in the pod."""
    component = container.workload.component
    ways = {way for probe in PROBES for way in container.spec.get(probe, {})}
    if component in _OF_OTHERS:
        return bool(ways & {"exec", "tcpSocket", "httpGet"})
    return ("httpGet" if component in HTTP else "grpc") in ways and not ways & {"exec", "tcpSocket"}


def _spread(container: Container) -> object:
    spec = container.workload.spec
    return spec.get("topologySpreadConstraints") or spec.get("affinity")


def _has_grace(container: Container) -> bool:
    """Return whether the pod has time for preStop, then 10 seconds of calls, then 5 to close."""
    hook = container.spec.get("lifecycle", {}).get("preStop", {})
    words = " ".join(map(str, hook.get("exec", {}).get("command", [])))
    digits = "".join(filter(str.isdigit, words)) or str(hook.get("sleep", {}).get("seconds", 0))
    return int(container.workload.spec.get("terminationGracePeriodSeconds", 0)) >= int(digits) + 15


# What every container has: PSS restricted applies to jobs, tests, and init containers as well.
ALWAYS: dict[str, Column] = {
    "cpu": _resource("requests", "cpu"),
    "memory": _resource("requests", "memory"),
    "limit": _resource("limits", "memory"),
    "nonroot": lambda c: _security(c, "runAsNonRoot") is True,
    "readonly": lambda c: _security(c, "readOnlyRootFilesystem") is True,
    "drop ALL": lambda c: _security(c, "capabilities") == {"drop": ["ALL"]},
    "seccomp": lambda c: (_security(c, "seccompProfile") or {}).get("type") == "RuntimeDefault",
    "no escal.": lambda c: _security(c, "allowPrivilegeEscalation") is False,
    "no token": _without_token,
}
# What a container has besides if it runs as long as its pod.
SERVING: dict[str, Column] = {
    "startup": lambda c: c.spec.get("startupProbe"),
    "ready": lambda c: c.spec.get("readinessProbe"),
    "live": lambda c: c.spec.get("livenessProbe"),
    "native": _native_probes,
    "spread": _spread,
    "preStop": lambda c: c.spec.get("lifecycle", {}).get("preStop"),
    "grace": _has_grace,
    "digest": lambda c: "@sha256:" in c.spec["image"],
}
# What the chart as a whole has.
CHART: dict[str, tuple[str, str]] = {
    "PodDisruptionBudget": ("policy", "PodDisruptionBudget"),
    "HorizontalPodAutoscaler": ("autoscaling", "HorizontalPodAutoscaler"),
    "NetworkPolicy": ("networking.k8s.io", "NetworkPolicy"),
    "monitor": ("monitoring.coreos.com", "Monitor"),
    "PrometheusRule": ("monitoring.coreos.com", "PrometheusRule"),
}


DIGEST = f"sha256:{'0' * 64}"
"""In place of an image's digest, which is known once the image has been pushed."""


def digests(values: str | Path) -> list[str]:
    """Return the settings that give every image of a values file a digest."""
    return [f"{path}={DIGEST}" for path in _paths(helm.values_of(values), "digest")]


def _paths(node: Any, wanted: str, path: str = "") -> Iterator[str]:
    """Return the paths of all keys of this name in a tree of values."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == wanted:
                yield path + key
            else:
                yield from _paths(value, wanted, f"{path}{key}.")


def score(documents: Sequence[Document]) -> dict[str, dict[str, bool]]:
    """Return for each container which of its columns it satisfies."""
    return {
        container.name: {name: bool(column(container)) for name, column in _columns(container)}
        for workload in workloads(documents)
        for container in workload.containers
    }


def _columns(container: Container) -> list[tuple[str, Column]]:
    return [*ALWAYS.items(), *(SERVING.items() if container.is_long_running else ())]


def kinds(documents: Sequence[Document]) -> dict[str, bool]:
    """Return which of the kinds of `CHART` are there, and dashboards and helm tests."""
    annotations = [d["metadata"].get("annotations", {}) for d in documents]
    labels = [d["metadata"].get("labels", {}) for d in documents]
    return {
        **{
            name: any(group(d) == api and d["kind"].endswith(kind) for d in documents)
            for name, (api, kind) in CHART.items()
        },
        "dashboards": any("grafana_dashboard" in found for found in labels),
        "tests": any(found.get("helm.sh/hook") == "test" for found in annotations),
    }


def table(scores: dict[str, dict[str, bool]]) -> str:
    """Return the scores as a table, a line for each container."""
    width = max(map(len, scores))
    columns = [*ALWAYS, *SERVING]
    lines = [" " * width + "  " + "  ".join(columns)]
    for name, found in scores.items():
        cells = [
            ("yes" if found.get(c) else "NO" if c in found else "·").ljust(len(c)) for c in columns
        ]
        lines.append(f"{name.ljust(width)}  {'  '.join(cells)}".rstrip())
    return "\n".join(lines)


def main() -> None:
    """Print the table for each of the chart's example values."""
    for path in helm.values_files():
        documents = helm.documents(path, *digests(path))
        scores = score(documents)
        met = sum(map(sum, (found.values() for found in scores.values())))
        print(f"\n{path.name}: {met} of {sum(map(len, scores.values()))}\n{table(scores)}")
        print("  ".join(f"{k}: {'yes' if v else 'no'}" for k, v in kinds(documents).items()))


if __name__ == "__main__":
    main()
