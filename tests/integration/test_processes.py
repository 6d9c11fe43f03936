"""What running processes connect to and use stays within what the Helm chart allows them."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import psutil
import pytest
import requests

from attune_local.stack import Process, Stack
from attune_testing.waiting import until
from tests.chart.tools import calls, helm
from tests.chart.tools.references import quantity
from tests.collector import Collector
from tests.world import World

pytestmark = pytest.mark.req("PF-1", "PF-14")

BETWEEN_SERVICES = {(source, target) for source in calls.ALL for target in calls.channels(source)}
TO_SERVERS = {
    *((name, "postgres") for name in calls.ALL if calls.has_database(name)),
    *((name, "nats") for name in calls.ALL if calls.uses_nats(name)),
    *((name, "collector") for name in calls.ALL),
}


def family(process: Process) -> list[psutil.Process]:
    """Return a service's process and its children: gunicorn has a worker."""
    parent = psutil.Process(process.handle.pid)
    return [parent, *parent.children(recursive=True)]


def outgoing(process: Process) -> Iterator[int]:
    """Return the remote port of each connection that a service has opened."""
    for member in family(process):
        for connection in member.net_connections("tcp"):
            if connection.status == psutil.CONN_ESTABLISHED and connection.laddr[1] != process.port:
                yield connection.raddr[1]


def places(stack: Stack, collector: Collector) -> dict[int, str]:
    """Return what listens at each port."""
    servers = {
        "postgres": stack.postgres_url,
        "nats": stack.nats_url,
        "collector": collector.endpoint,
    }
    return {
        **{int(urlsplit(url).port or 0): name for name, url in servers.items()},
        **{port: name for name, ports in stack.ports.items() for port in ports},
    }


def established(stack: Stack, collector: Collector) -> set[tuple[str, str]]:
    known = places(stack, collector)
    return {
        (process.name, known.get(port, f"unknown port {port}"))
        for process in stack.processes
        for port in outgoing(process)
    }


def test_services_connect_exactly_as_the_network_policies_allow(
    stack: Stack, collector: Collector, world: World
) -> None:
    """The policies are compared with `calls` by the tests of the chart."""
    body = world.request(world.a_start())
    booking = world.book_as(body)
    assert world.messages(body["client"]["email"])
    requests.get(booking["join_url"], timeout=60)
    feed = world.owner.get(f"/providers/{world.username}/calendar-feed")["url"]
    assert booking["id"] in requests.get(feed, timeout=60).text
    # Availability asks booking whether a revision exists that it has not heard of.
    query = {"service": "session", "mode": "telehealth", "count": 1, "revision": "999999.0"}
    later = world.public.call("GET", f"/providers/{world.username}/slots/next", params=query)
    assert later.json()["reason"] == "UNKNOWN_REVISION"
    # gRPC may be renewing a connection at this moment.
    until(lambda: BETWEEN_SERVICES - established(stack, collector), lambda missing: not missing)
    assert established(stack, collector) <= BETWEEN_SERVICES | TO_SERVERS


def test_no_process_opens_more_connections_than_its_pool_has(stack: Stack) -> None:
    port = urlsplit(stack.postgres_url).port
    for process in stack.processes:
        most = calls.settings_class(process.name).from_env(process.env).connections
        assert 1 <= list(outgoing(process)).count(port or 0) <= most, process.name


def test_processes_fit_into_the_memory_of_their_pods(stack: Stack, world: World) -> None:
    """Shared pages count once, as for a container's limit."""
    world.book()
    services = helm.services_of("minimal")
    for process in stack.processes:
        used = sum(member.memory_full_info().pss for member in family(process))
        limit = quantity(services[process.name]["resources"]["limits"]["memory"])
        assert limit is not None
        assert used < limit, f"{process.name} uses {used / 2**20:.0f} MiB"
