"""Pods fit into PostgreSQL's connections, and what settings bound fits into memory."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from common import service as common_service
from common.config import ServiceSettings
from gateway.__main__ import _GRACE as GATEWAY_GRACE
from tests.chart.conftest import Render
from tests.chart.test_settings import read
from tests.chart.tools import calls, environment, helm
from tests.chart.tools.helm import Document
from tests.chart.tools.objects import Container, of_kind, workloads
from tests.chart.tools.references import quantity

pytestmark = pytest.mark.req("PF-14", "PF-18")

MEBIBYTE = 2**20
# Measured after load; the comments in values.yaml have the same figures.
AT_REST = 113
OF_THE_GATEWAY = 120  # and for each of its workers:
OF_A_WORKER = 125
FOR_EACH_CACHED = 1.3  # MiB of memory for a MiB of CACHE_MEGABYTES

OPERATORS = 10  # connections for migrations, scheduled commands, and people


def own_containers(documents: Sequence[Document]) -> dict[str, Container]:
    """Return the container of each service."""
    return {
        container.spec["name"]: container
        for workload in workloads(documents)
        for container in workload.containers
        if workload.is_long_running and container.spec["name"] in calls.ALL
    }


def most_pods(documents: Sequence[Document], container: Container) -> int:
    """Return the most pods that a Deployment may have: scaled up, in the middle of an upgrade."""
    name = container.workload.document["metadata"]["name"]
    most = int(container.workload.document["spec"].get("replicas", 0))
    for scaler in of_kind(documents, "HorizontalPodAutoscaler", "ScaledObject"):
        if scaler["spec"]["scaleTargetRef"]["name"] == name:
            most = scaler["spec"].get("maxReplicas") or scaler["spec"]["maxReplicaCount"]
    strategy = container.workload.document["spec"]["strategy"]["rollingUpdate"]
    assert strategy["maxUnavailable"] == 0
    return most + int(strategy["maxSurge"])


def settings(documents: Sequence[Document], folder: Path) -> dict[str, ServiceSettings]:
    found = environment.services(documents, calls.ALL)
    return {name: read(name, env, folder) for name, env in found.items()}


def connections(documents: Sequence[Document], folder: Path) -> dict[str, tuple[int, int]]:
    """Return for each service its most pods, and the connections of each by the code."""
    containers = own_containers(documents)
    return {
        name: (
            most_pods(documents, containers[name]),
            own.connections * int(getattr(own, "web_workers", 1)),
        )
        for name, own in settings(documents, folder).items()
    }


def test_all_pods_may_connect_at_once(values: Path, render: Render, tmp_path: Path) -> None:
    counts = connections(render(values), tmp_path).values()
    needed = OPERATORS + sum(pods * each for pods, each in counts)
    assert needed <= helm.values_of(values)["postgres"]["maxConnections"]


def test_the_chart_counts_connections_as_the_code_does(
    values: Path, render: Render, tmp_path: Path
) -> None:
    with pytest.raises(helm.Refused, match=r"postgres\.maxConnections is 1,") as refusal:
        render(values, "postgres.maxConnections=1")
    told = re.findall(r"([a-z-]+) (\d+) × (\d+)", str(refusal.value))
    counted = {name: (int(pods), int(each)) for name, pods, each in told}
    assert counted == connections(render(values), tmp_path)


def test_the_limit_of_connections_is_exact(render: Render, tmp_path: Path) -> None:
    counts = connections(render("minimal"), tmp_path).values()
    needed = OPERATORS + sum(pods * each for pods, each in counts)
    render("minimal", f"postgres.maxConnections={needed}")
    with pytest.raises(helm.Refused, match=f"up to {needed} connections"):
        render("minimal", f"postgres.maxConnections={needed - 1}")


def test_more_pods_or_threads_than_connections_are_refused(render: Render) -> None:
    for entry in (
        "services.booking.replicas=100",
        "services.booking.settings.GRPC_WORKERS=1000",
        "services.gateway.settings.WEB_WORKERS=100",
    ):
        with pytest.raises(helm.Refused, match=r"postgres\.maxConnections"):
            render("minimal", entry)


def test_postgresql_of_the_chart_accepts_as_many(render: Render) -> None:
    (cluster,) = of_kind(render("cnpg"), "Cluster")
    parameters = cluster["spec"]["postgresql"]["parameters"]
    assert int(parameters["max_connections"]) == 600
    (server,) = (w for w in workloads(render("dev")) if w.component == "postgres")
    words = " ".join(map(str, server.containers[-1].spec["args"]))
    most = helm.values_of("dev")["postgres"]["maxConnections"]
    assert f"max_connections={most}" in words


def mebibytes(text: str) -> float:
    number = quantity(text)
    assert number is not None
    return float(number) / MEBIBYTE


def tmp_size(container: Container) -> float:
    """Return the MiB of /tmp, which is in memory and counts toward the limit."""
    volumes = container.workload.spec["volumes"]
    (tmp,) = (v["emptyDir"]["sizeLimit"] for v in volumes if v["name"] == "tmp")
    return mebibytes(tmp)


def needed_memory(container: Container, own: ServiceSettings) -> float:
    """Return the MiB that a pod can need with its settings."""
    if "cache_megabytes" in vars(own):
        return AT_REST + FOR_EACH_CACHED * int(getattr(own, "cache_megabytes", 0))
    if "web_workers" in vars(own):
        return OF_THE_GATEWAY + OF_A_WORKER * int(getattr(own, "web_workers", 1))
    return AT_REST


def test_memory_that_settings_allow_is_below_the_limit(
    values: Path, render: Render, tmp_path: Path
) -> None:
    containers = own_containers(render(values))
    for name, own in settings(render(values), tmp_path).items():
        limit = mebibytes(containers[name].spec["resources"]["limits"]["memory"])
        needed = needed_memory(containers[name], own) + tmp_size(containers[name])
        assert needed <= limit, name


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("services.availability.settings.CACHE_MEGABYTES=1024", "1024 CACHE_MEGABYTES"),
        ("services.gateway.settings.WEB_WORKERS=4", "4 WEB_WORKERS"),
        ("services.booking.resources.limits.memory=128Mi", "services.booking.resources"),
        ("services.booking.tmpSize=512Mi", "services.booking.resources"),
    ],
)
def test_more_memory_than_the_limit_is_refused(entry: str, said: str, render: Render) -> None:
    with pytest.raises(helm.Refused) as refusal:
        render("minimal", entry)
    assert "resources.limits.memory" in str(refusal.value)
    assert said in str(refusal.value)


def test_pods_have_time_to_end_as_the_code_does(values: Path, render: Render) -> None:
    """preStop, then the time that the code gives running calls, then five seconds."""
    for name, container in own_containers(render(values)).items():
        (seconds,) = re.findall(r"time\.sleep\((\d+)\)", str(container.spec["lifecycle"]))
        running = GATEWAY_GRACE if name == "gateway" else common_service.GRACE
        grace = container.workload.spec["terminationGracePeriodSeconds"]
        assert grace >= int(seconds) + running + 5, name
    with pytest.raises(helm.Refused, match=r"up to 38 s"):
        render(values, "services.gateway.terminationGracePeriodSeconds=37")
    with pytest.raises(helm.Refused, match=r"up to 23 s"):
        render(values, "services.booking.terminationGracePeriodSeconds=22")
