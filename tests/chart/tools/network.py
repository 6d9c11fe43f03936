"""Which connections NetworkPolicies allow: the union of the policies that select a pod."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from tests.chart.tools.helm import Document
from tests.chart.tools.objects import Workload, matches, of_kind, title, workloads


class Edge(NamedTuple):
    """One component may connect to a port of another."""

    source: str
    target: str
    port: int


class Way(NamedTuple):
    """A component may connect to a port outside the release, or be connected to from there."""

    component: str
    place: str
    port: int


ANYWHERE = "anywhere"
_SIDES = (("Egress", "egress", "to"), ("Ingress", "ingress", "from"))


def edges(documents: Sequence[Document]) -> set[Edge]:
    """Return the connections between pods that both sides allow."""
    return _inside(documents, both=True)


def one_sided(documents: Sequence[Document]) -> set[Edge]:
    """Return the connections between pods that one side alone allows, which is a mistake."""
    return _inside(documents, both=False)


def _inside(documents: Sequence[Document], *, both: bool) -> set[Edge]:
    pods, found = workloads(documents), set()
    for source in pods:
        for target in pods:
            for port in target.ports:
                out = _allows(documents, source, target, port, "Egress", "egress", "to")
                into = _allows(documents, target, source, port, "Ingress", "ingress", "from")
                if (out and into) if both else (out != into):
                    found.add(Edge(source.component, target.component, port["containerPort"]))
    return found


def ways_out(documents: Sequence[Document]) -> set[Way]:
    """Return the ports outside the release that each component may connect to."""
    return _outside(documents, "Egress", "egress", "to")


def ways_in(documents: Sequence[Document]) -> set[Way]:
    """Return the ports of each component that may be connected to from outside the release."""
    return _outside(documents, "Ingress", "ingress", "from")


def open_pods(documents: Sequence[Document]) -> list[str]:
    """Return what is not confined: pods for which no policy restricts one of the directions."""
    return [
        f"{pod.name}: no policy restricts its {direction}"
        for pod in workloads(documents)
        for direction, _, _ in _SIDES
        if not any(_selecting(documents, pod, direction))
    ]


def _outside(documents: Sequence[Document], direction: str, key: str, side: str) -> set[Way]:
    found = set()
    for pod in workloads(documents):
        for policy in _selecting(documents, pod, direction):
            for rule in policy["spec"].get(key) or []:
                peers = rule.get(side)
                places = {p for p in map(_place, peers) if p} if peers else {ANYWHERE}
                ports = [int(port["port"]) for port in rule.get("ports", [])] or [0]
                found |= {Way(pod.component, place, port) for place in places for port in ports}
    return found


def _place(peer: Document) -> str | None:
    """Return a name for a peer outside the release; None for pods of this namespace."""
    if "ipBlock" in peer:
        return str(peer["ipBlock"]["cidr"])
    if "namespaceSelector" in peer:
        return ",".join(map(str, peer["namespaceSelector"].get("matchLabels", {}).values())) or "*"
    labels = peer.get("podSelector", {}).get("matchLabels", {})
    return "cnpg" if "cnpg.io/cluster" in labels or "cnpg.io/poolerName" in labels else None


def _allows(
    documents: Sequence[Document],
    pod: Workload,
    other: Workload,
    port: Document,
    direction: str,
    key: str,
    side: str,
) -> bool:
    """Return whether the policies of `pod` let it connect to, or be reached from, `other`."""
    selecting = list(_selecting(documents, pod, direction))
    return not selecting or any(
        _has_peer(rule.get(side), other) and _has_port(rule.get("ports"), port)
        for policy in selecting
        for rule in policy["spec"].get(key) or []
    )


def _selecting(documents: Sequence[Document], pod: Workload, direction: str) -> Iterator[Document]:
    for policy in of_kind(documents, "NetworkPolicy"):
        kinds = policy["spec"].get("policyTypes")
        if kinds is None:
            raise ValueError(f"{title(policy)} must name its policyTypes")
        if direction in kinds and matches(policy["spec"].get("podSelector", {}), pod.labels):
            yield policy


def _has_peer(peers: list[Document] | None, pod: Workload) -> bool:
    """Return whether a rule's peers include a pod of this namespace."""
    return not peers or any(
        "podSelector" in peer
        and "namespaceSelector" not in peer
        and matches(peer["podSelector"], pod.labels)
        for peer in peers
    )


def _has_port(ports: list[Document] | None, wanted: Any) -> bool:
    protocol = wanted.get("protocol", "TCP")
    return not ports or any(
        port["port"] in (wanted["containerPort"], wanted.get("name"))
        and port.get("protocol", "TCP") == protocol
        for port in ports
    )
