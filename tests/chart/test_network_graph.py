"""NetworkPolicies allow what the code opens, and nothing else (spec PF-14)."""

from copy import deepcopy
from pathlib import Path

import pytest

from tests.chart.conftest import Render
from tests.chart.tools import calls, helm, network
from tests.chart.tools.helm import Document
from tests.chart.tools.network import ANYWHERE, Edge, Way
from tests.chart.tools.objects import matches, workloads

pytestmark = pytest.mark.req("PF-1", "PF-14")

GRPC, POSTGRES, NATS, OTLP, HTTP = 50051, 5432, 4222, 4317, 8080
MAIL = {25, 465, 587, 2525}


def calls_between_services() -> set[Edge]:
    return {Edge(source, target, GRPC) for source in calls.ALL for target in calls.channels(source)}


def components(documents: tuple[Document, ...]) -> set[str]:
    return {pod.component for pod in workloads(documents)}


def expected(values: Document, documents: tuple[Document, ...]) -> set[Edge]:
    """Return the edges inside the release that the code needs with these values."""
    edges = calls_between_services()
    pods = components(documents)
    if "postgres" in pods:
        owners = {f"{name}-migrations" for name in calls.ALL} & pods
        services = set(filter(calls.has_database, calls.ALL))
        edges |= {Edge(name, "postgres", POSTGRES) for name in services | owners}
    if "nats" in pods:
        edges |= {Edge(name, "nats", NATS) for name in filter(calls.uses_nats, calls.ALL)}
    if "collector" in pods:
        edges |= {Edge(name, "collector", OTLP) for name in calls.ALL}
    if "test" in pods:  # a helm test asks the gateway, as people do
        edges.add(Edge("test", "gateway", HTTP))
    if "operator" in pods:
        edges |= by_operator(values, pods)
    return edges


def by_operator(values: Document, pods: set[str]) -> set[Edge]:
    """Return the edges of scheduled commands, which may ask every service and database."""
    edges = {Edge("operator", name, GRPC) for name in calls.ALL if name != "gateway"}
    servers = {"postgres": POSTGRES, "nats": NATS, "collector": OTLP}
    return edges | {Edge("operator", name, servers[name]) for name in servers.keys() & pods}


def test_each_service_opens_a_channel_to_each_target_of_its_settings() -> None:
    for service in calls.ALL:
        assert calls.channels(service) == calls.targets(service) == calls.mentioned(service)


def test_the_values_name_the_connections_that_the_code_opens(values: Path) -> None:
    for name, service in helm.services_of(values).items():
        assert set(service["calls"]) == calls.channels(name), name
        assert service["nats"] == calls.uses_nats(name), name
        assert service["consumer"] == (name if calls.subscribes(name) else ""), name
        assert ("smtp" in service["egress"]) == calls.sends_mail(name), name


def test_every_handled_event_is_emitted_by_the_service_that_owns_it() -> None:
    emitted = {subject for service in calls.ALL for subject in calls.emits(service)}
    handled = {subject for service in calls.ALL for subject in calls.subscribes(service)}
    assert handled
    assert handled <= emitted
    # Whoever sends or receives events needs NATS; whoever does neither must not reach it.
    for service in calls.ALL:
        if calls.emits(service) or calls.subscribes(service):
            assert calls.uses_nats(service), service


def test_policies_allow_exactly_the_connections_of_the_code(values: Path, render: Render) -> None:
    documents = render(values)
    assert network.edges(documents) == expected(helm.values_of(values), documents)


def test_no_connection_is_allowed_on_one_side_only(values: Path, render: Render) -> None:
    assert network.one_sided(render(values)) == set()


def test_every_pod_is_confined_in_both_directions(values: Path, render: Render) -> None:
    assert network.open_pods(render(values)) == []


def test_nothing_leaves_the_release_but_what_the_code_opens(values: Path, render: Render) -> None:
    documents, own = render(values), helm.values_of(values)
    dns = own["networkPolicy"]["dns"]["ports"]
    ways = {way for way in network.ways_out(documents) if way.port not in dns}
    pods = components(documents)
    clients = {
        POSTGRES: set(filter(calls.has_database, calls.ALL))
        | {f"{name}-migrations" for name in calls.ALL},
        NATS: set(filter(calls.uses_nats, calls.ALL)),
    }
    for mode, port in (("postgres", POSTGRES), ("nats", NATS)):
        outside = {way.component for way in ways if way.port == port} - {"operator"}
        assert outside == (clients[port] & pods if own[mode]["mode"] != "development" else set())
    mail = {way.component for way in ways if way.port in MAIL}
    assert mail == set(filter(calls.sends_mail, calls.ALL))
    to_otlp = {way.component for way in ways if way.port == OTLP}
    if own["telemetry"]["collector"]["enabled"] or not own["telemetry"]["otlpEndpoint"]:
        assert to_otlp <= {"collector"}
    else:
        assert set(calls.ALL) <= to_otlp
    assert {way.port for way in ways if way.component in calls.ALL} <= {
        *(POSTGRES, NATS, OTLP),
        *MAIL,
    }


def test_only_the_gateway_is_reached_from_outside(values: Path, render: Render) -> None:
    """A proxy may reach the gateway; the monitoring may reach the collector, whose metrics it
    scrapes, and KEDA and the monitoring the monitoring port of a NATS in the release."""
    ways = network.ways_in(render(values))
    assert {way.component for way in ways if way.component in calls.ALL} == {"gateway"}
    assert {way.port for way in ways if way.component == "gateway"} == {HTTP}
    assert not any(way.place == ANYWHERE for way in ways)
    assert {way.component for way in ways} <= {"gateway", "collector", "nats"}


def test_every_pod_resolves_names(values: Path, render: Render) -> None:
    documents, dns = render(values), helm.values_of(values)["networkPolicy"]["dns"]["ports"]
    resolving = {way.component for way in network.ways_out(documents) if way.port in dns}
    assert {edge.source for edge in network.edges(documents)} <= resolving


@pytest.mark.parametrize(
    ("policy", "side", "port", "edge"),
    [
        ("booking", "egress", GRPC, Edge("booking", "availability", GRPC)),
        ("availability", "ingress", GRPC, Edge("gateway", "availability", GRPC)),
        ("notifications", "egress", NATS, Edge("notifications", "nats", NATS)),
    ],
)
def test_a_missing_rule_is_found(
    policy: str, side: str, port: int, edge: Edge, render: Render
) -> None:
    documents = deepcopy(render("dev"))
    rules = _policy(documents, policy)["spec"][side]
    rules[:] = [rule for rule in rules if port not in [p["port"] for p in rule["ports"]]]
    assert edge in expected(helm.values_of("dev"), documents) - network.edges(documents)
    assert edge in network.one_sided(documents)


def test_a_rule_too_many_is_found(render: Render) -> None:
    documents = deepcopy(render("dev"))
    everybody = {"from": [{"podSelector": {}}], "ports": [{"protocol": "TCP", "port": GRPC}]}
    _policy(documents, "billing")["spec"]["ingress"].append(everybody)
    assert Edge("booking", "billing", GRPC) in network.one_sided(documents)
    labels = {"matchLabels": {"app.kubernetes.io/component": "billing"}}
    rule = {"to": [{"podSelector": labels}], "ports": [{"protocol": "TCP", "port": GRPC}]}
    _policy(documents, "booking")["spec"]["egress"].append(rule)
    unneeded = network.edges(documents) - expected(helm.values_of("dev"), documents)
    assert unneeded == {Edge("booking", "billing", GRPC)}


def test_a_way_around_the_gateway_is_found(render: Render) -> None:
    documents = deepcopy(render("dev"))
    proxy = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "proxy"}}}
    rule = {"from": [proxy], "ports": [{"protocol": "TCP", "port": GRPC}]}
    _policy(documents, "booking")["spec"]["ingress"].append(rule)
    assert Way("booking", "proxy", GRPC) in network.ways_in(documents)


def test_a_pod_without_policy_is_found(render: Render) -> None:
    documents = [d for d in render("dev") if d["kind"] != "NetworkPolicy"]
    assert any("attune-booking" in found for found in network.open_pods(documents))


def _policy(documents: tuple[Document, ...], component: str) -> Document:
    """Return the policy that selects one component's pods only."""
    labels = next(pod.labels for pod in workloads(documents) if pod.component == component)
    return next(
        document
        for document in documents
        if document["kind"] == "NetworkPolicy"
        and matches(document["spec"]["podSelector"], labels)
        and component in document["spec"]["podSelector"]["matchLabels"].values()
    )
