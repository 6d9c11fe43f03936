"""Selectors that match nothing, and ports and objects that are named but not there."""

from collections.abc import Iterator, Sequence
from typing import Any

from tests.chart.tools.helm import Document
from tests.chart.tools.objects import Workload, matches, of_kind, title, workloads

# Pods that operators make; their labels are documented by CloudNativePG.
_OF_OPERATORS = ("cnpg.io/cluster", "cnpg.io/poolerName")


def problems(documents: Sequence[Document]) -> list[str]:
    """Return selectors that match no pod, and ports that no container or Service has."""
    pods = workloads(documents)
    return [
        *_of_controllers(pods),
        *_of_services(documents, pods),
        *_of_policies(documents, pods),
        *_of_scalers(documents),
        *_of_routes(documents),
        *_of_monitors(documents, pods),
        *(problem for pod in pods for problem in _of_probes(pod)),
    ]


def _of_controllers(pods: Sequence[Workload]) -> Iterator[str]:
    for pod in pods:
        selector = pod.document["spec"].get("selector") if pod.is_long_running else None
        if selector is not None and not matches(selector, pod.labels):
            yield f"{pod.name}: the selector does not match the labels of its own pods"
        others = [w for w in pods if w is not pod and selector and matches(selector, w.labels)]
        yield from (f"{pod.name}: the selector matches pods of {w.name} too" for w in others)
        for constraint in pod.spec.get("topologySpreadConstraints", []):
            if not matches(constraint.get("labelSelector", {}), pod.labels):
                yield f"{pod.name}: a topologySpreadConstraint does not match its own pods"


def _of_services(documents: Sequence[Document], pods: Sequence[Workload]) -> Iterator[str]:
    for service in of_kind(documents, "Service"):
        selector = service["spec"].get("selector")
        if not selector:
            continue
        chosen = [pod for pod in pods if matches({"matchLabels": selector}, pod.labels)]
        if not chosen and not any(label in selector for label in _OF_OPERATORS):
            yield f"{title(service)}: the selector matches no pod"
        for port in service["spec"]["ports"]:
            target = port.get("targetPort", port["port"])
            for pod in chosen:
                if not _has_port(pod.ports, target):
                    yield f"{title(service)}: {pod.name} has no container port {target}"


def _has_port(ports: Sequence[Document], wanted: int | str) -> bool:
    return any(wanted in (port["containerPort"], port.get("name")) for port in ports)


def _of_policies(documents: Sequence[Document], pods: Sequence[Workload]) -> Iterator[str]:
    """NetworkPolicies and PodDisruptionBudgets select pods of the chart."""
    for policy in of_kind(documents, "NetworkPolicy"):
        if not _selects(policy["spec"].get("podSelector", {}), pods):
            yield f"{title(policy)}: podSelector matches no pod"
        for peer in _peers(policy):
            selector = None if "namespaceSelector" in peer else peer.get("podSelector")
            if selector is not None and not _selects(selector, pods):
                yield f"{title(policy)}: the peer {selector} matches no pod"
    for budget in of_kind(documents, "PodDisruptionBudget"):
        if not _selects(budget["spec"].get("selector", {}), pods):
            yield f"{title(budget)}: the selector matches no pod"


def _peers(policy: Document) -> Iterator[Document]:
    for key, side in (("ingress", "from"), ("egress", "to")):
        for rule in policy["spec"].get(key) or []:
            yield from rule.get(side) or []


def _selects(selector: Document, pods: Sequence[Workload]) -> bool:
    if any(label in selector.get("matchLabels", {}) for label in _OF_OPERATORS):
        return True
    return any(matches(selector, pod.labels) for pod in pods)


def _of_scalers(documents: Sequence[Document]) -> Iterator[str]:
    known = {title(document) for document in documents}
    for scaler in of_kind(documents, "HorizontalPodAutoscaler", "ScaledObject"):
        target = scaler["spec"]["scaleTargetRef"]
        wanted = f"{target.get('kind', 'Deployment')}/{target['name']}"
        if wanted not in known:
            yield f"{title(scaler)}: there is no {wanted} to scale"
    for workload in of_kind(documents, "StatefulSet"):
        wanted = f"Service/{workload['spec'].get('serviceName')}"
        if wanted not in known:
            yield f"{title(workload)}: there is no {wanted}"


def _of_routes(documents: Sequence[Document]) -> Iterator[str]:
    """The backends of Ingress, HTTPRoute, and GRPCRoute are ports of Services."""
    services = {d["metadata"]["name"]: d["spec"]["ports"] for d in of_kind(documents, "Service")}
    for route in of_kind(documents, "Ingress", "HTTPRoute", "GRPCRoute"):
        for name, port in _backends(route):
            ports = [key for p in services.get(name, []) for key in (p["port"], p.get("name"))]
            if port not in ports:
                yield f"{title(route)}: there is no Service {name} with the port {port}"


def _backends(route: Document) -> Iterator[tuple[str, Any]]:
    for rule in route["spec"].get("rules", []):
        for reference in rule.get("backendRefs", []):
            yield reference["name"], reference["port"]
        for path in rule.get("http", {}).get("paths", []):
            service = path["backend"]["service"]
            yield service["name"], service["port"].get("number", service["port"].get("name"))


def _of_monitors(documents: Sequence[Document], pods: Sequence[Workload]) -> Iterator[str]:
    services = list(of_kind(documents, "Service"))
    for monitor in of_kind(documents, "PodMonitor", "ServiceMonitor"):
        selector, name = monitor["spec"]["selector"], title(monitor)
        if monitor["kind"] == "PodMonitor":
            ports = [pod.ports for pod in pods if matches(selector, pod.labels)]
            endpoints = monitor["spec"]["podMetricsEndpoints"]
        else:
            ports = [
                service["spec"]["ports"]
                for service in services
                if matches(selector, service["metadata"].get("labels", {}))
            ]
            endpoints = monitor["spec"]["endpoints"]
        if not ports:
            yield f"{name}: the selector matches nothing"
        for port in (endpoint.get("port") for endpoint in endpoints):
            if not all(any(port == p.get("name") for p in found) for found in ports):
                yield f"{name}: not all that it selects have a port named {port}"


def _of_probes(pod: Workload) -> Iterator[str]:
    for container in pod.containers:
        ports = container.spec.get("ports", [])
        hooks = container.spec.get("lifecycle", {}).values()
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            hooks = [*hooks, container.spec.get(probe, {})]
        for hook in hooks:
            for way in ("httpGet", "tcpSocket", "grpc"):
                if way in hook and not _has_port(ports, hook[way]["port"]):
                    yield f"{container.name}: it has no port {hook[way]['port']} for {way}"
