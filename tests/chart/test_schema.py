"""The schema of the chart's values: each key has a wrong value that Helm refuses by its name."""

import re

import pytest

from tests.chart.tools import wrong_values
from tests.chart.tools.wrong_values import SAMPLE, UNKNOWN, Node

pytestmark = pytest.mark.req("PF-14")

# Mistakes that people make.
_MISTAKES: dict[str, object] = {
    "global.environment": "prod",
    "global.publicUrl": "attune.example.com",
    "global.image.registry": "Registry.example.com",
    "defaults.replicas": -1,
    "defaults.resources.requests.cpu": "1 core",
    "defaults.resources.limits.memory": "512",
    "services.booking.image.digest": "sha256:abc",
    "services.booking.settings.LOG_LEVEL": "verbose",
    "services.booking.settings.GRPC_WORKERS": 0,
    "services.availability.settings.CACHE_MEGABYTES": 0.5,
    "services.gateway.settings.LIMIT_WRITES": "120 a minute",
    "services.gateway.settings.TRUSTED_PROXIES": "ingress-nginx",
    "services.notifications.settings.MAIL_FROM": "appointments",
    "services.gateway.autoscaling.targetCPU": 170,
    "postgres.mode": "aws",
    "postgres.secretTemplate": "attune-{name}-database",
    "nats.url": "nats://user:password@nats:4222",
    "networkPolicy.postgres.ports.0": 70_000,
    "telemetry.sampleRatio": 10,
    "telemetry.otlpEndpoint": "otel-collector:4317",
    "cronJobs.projections-check.schedule": "daily",
}

# What Kubernetes has defaults for, or what is only set by those who need it.
_OPTIONAL = {
    *("initialDelaySeconds", "successThreshold", "ephemeral-storage", "cpu"),
    *("seLinuxOptions", "appArmorProfile", "supplementalGroups", "add"),
    *("runAsNonRoot", "runAsUser", "runAsGroup", "seccompProfile"),
}

_DEPTHS = range(1, 1 + max(len(node.key) for node in wrong_values.nodes()))


def names(nodes: list[Node]) -> set[str]:
    return {node.name for node in nodes}


def test_a_value_of_a_wrong_type_is_refused_by_the_name_of_its_key() -> None:
    leaves = wrong_values.leaves()
    assert len(leaves) > 500
    assert names(leaves) - wrong_values.refusals(wrong_values.of_wrong_type, leaves) == set()


def test_a_wrong_value_of_the_right_type_is_refused_by_the_name_of_its_key() -> None:
    leaves = [node for node in wrong_values.leaves() if wrong_values.has_wrong_value(node)]
    assert len(leaves) > 300
    assert names(leaves) - wrong_values.refusals(wrong_values.of_wrong_value, leaves) == set()


def test_mistakes_are_refused_by_the_names_of_their_keys() -> None:
    mistakes = [Node(tuple(name.split(".")), {}) for name in _MISTAKES]
    assert set(_MISTAKES) == wrong_values.refusals(lambda n: _MISTAKES[n.name], mistakes) - {
        "defaults",
        *(f"services.{name}" for name in ("gateway", "availability", "booking", "notifications")),
    }


def test_every_key_has_a_default() -> None:
    """Else it would be in no documentation, and its wrong type would be taken from the schema."""
    without = [
        node.name
        for node in wrong_values.nodes()
        if wrong_values.default(node.key) is wrong_values.MISSING
        and not {"0", SAMPLE} & set(node.key)
        and node.key[-1] not in _OPTIONAL
        and node.key[0] != "monitoring"
    ]
    assert without == []


@pytest.mark.parametrize("depth", _DEPTHS)
def test_what_is_no_object_or_list_is_refused_in_place_of_one(depth: int) -> None:
    parents = [node for node in wrong_values.parents(depth) if node.key != ("global",)]
    refused = wrong_values.refusals(wrong_values.of_wrong_type, parents) if parents else set()
    assert names(parents) - refused == set()


def test_global_is_an_object() -> None:
    """Helm itself says so, in its own words."""
    assert "global" in wrong_values.told({"global": 7})


def test_an_unknown_key_of_an_object_is_refused_by_its_name() -> None:
    closed = [node for node in wrong_values.nodes() if node.is_closed]
    unknown = [Node((*node.key, UNKNOWN), {}) for node in closed]
    values = {UNKNOWN: 1}
    for node in unknown:
        wrong_values.put(values, node.key, 1)
    told = wrong_values.told(values)
    refused = set(re.findall(rf"^- (\S+): Additional property {UNKNOWN}", told, re.MULTILINE))
    assert names(closed) | {"(root)"} == refused
    assert len(closed) > 100


def test_every_object_is_closed() -> None:
    """Except maps whose keys values choose, and parts of the Kubernetes API."""
    opened = [
        node.name
        for node in wrong_values.nodes()
        if "object" in node.types
        and not node.is_closed
        and not isinstance(node.schema.get("additionalProperties"), dict)
        and not node.schema.get("description", "").startswith("A part of the Kubernetes API")
        and node.key[-1] not in ("0", "seccompProfile", "seLinuxOptions", "appArmorProfile")
    ]
    assert opened == []


def test_a_service_cannot_be_left_out() -> None:
    for service in ("gateway", "booking"):
        assert f"{service} is required" in wrong_values.told({"services": {service: None}})


@pytest.mark.parametrize(
    "key",
    ["schedule", "service", "command", "databases", "enabled", "suspend", "activeDeadlineSeconds"],
)
def test_a_scheduled_command_is_complete(key: str) -> None:
    complete = {
        "enabled": True,
        "suspend": False,
        "schedule": "0 3 * * *",
        "service": "booking",
        "command": ["attune", "audit", "verify", "booking"],
        "databases": ["booking"],
        "activeDeadlineSeconds": 60,
    }
    del complete[key]
    assert f"{key} is required" in wrong_values.told({"cronJobs": {SAMPLE: complete}})
