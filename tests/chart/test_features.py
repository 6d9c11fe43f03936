"""What each value of the chart does (spec PF-14, PF-9)."""

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from common.messaging.nats import STREAM
from common.rpc import channels
from tests.chart.conftest import Render
from tests.chart.tools import calls, helm
from tests.chart.tools.helm import Document
from tests.chart.tools.objects import Workload, group, of_kind, title, workloads

pytestmark = pytest.mark.req("PF-14")

DIGEST = f"sha256:{'a' * 64}"


def one(documents: Sequence[Document], wanted: str) -> Document:
    """Return the document with this kind and name, such as `Service/attune-booking`."""
    (found,) = (document for document in documents if title(document) == wanted)
    return found


def titles(documents: Sequence[Document], *kinds: str) -> set[str]:
    return {title(document) for document in of_kind(documents, *kinds)}


def deployment(documents: Sequence[Document], service: str = "booking") -> Workload:
    (found,) = workloads([one(documents, f"Deployment/attune-{service}")])
    return found


def image(documents: Sequence[Document]) -> str:
    return str(deployment(documents).containers[-1].spec["image"])


def test_a_digest_wins_over_tags(render: Render) -> None:
    tag, digest = "services.booking.image.tag=2.0", f"services.booking.image.digest={DIGEST}"
    registry = "registry.example.com/attune/booking"
    assert image(render("minimal", "global.image.tag=1.0")) == f"{registry}:1.0"
    assert image(render("minimal", "global.image.tag=1.0", tag)) == f"{registry}:2.0"
    assert image(render("minimal", tag, digest)) == f"{registry}@{DIGEST}"
    # All containers of a pod run the same image.
    images = {c.spec["image"] for c in deployment(render("minimal", digest)).containers}
    assert images == {f"{registry}@{DIGEST}"}


def test_whoever_scales_sets_the_replicas(render: Render) -> None:
    assert one(render("minimal"), "Deployment/attune-booking")["spec"]["replicas"] == 2
    scaled = render("minimal", "services.booking.autoscaling.enabled=true")
    assert "replicas" not in one(scaled, "Deployment/attune-booking")["spec"]
    scaler = one(scaled, "HorizontalPodAutoscaler/attune-booking")["spec"]
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (2, 4)
    by_lag = render("minimal", "services.booking.keda.enabled=true")
    assert "replicas" not in one(by_lag, "Deployment/attune-booking")["spec"]
    assert "HorizontalPodAutoscaler/attune-booking" not in titles(by_lag, "HorizontalPodAutoscaler")


def test_keda_asks_for_the_consumer_of_the_code(render: Render) -> None:
    found = list(of_kind(render("keda"), "ScaledObject"))
    assert found
    for scaler in found:
        service = scaler["metadata"]["labels"]["app.kubernetes.io/component"]
        (trigger,) = scaler["spec"]["triggers"]
        assert trigger["metadata"]["stream"] == STREAM
        assert trigger["metadata"]["consumer"] == service  # as `Service.handle` names it
        assert calls.subscribes(service)


def test_keda_and_autoscaling_exclude_each_other(render: Render) -> None:
    both = ("services.booking.keda.enabled=true", "services.booking.autoscaling.enabled=true")
    with pytest.raises(helm.Refused, match=r"services\.booking\.keda are both enabled"):
        render("minimal", *both)


@pytest.mark.parametrize(
    ("entries", "present"),
    [
        ("replicas=1", False),
        ("replicas=2", True),
        ("replicas=2 podDisruptionBudget.enabled=false", False),
        ("autoscaling.enabled=true autoscaling.minReplicas=1", False),
        ("keda.enabled=true keda.minReplicas=1", False),
        ("keda.enabled=true keda.minReplicas=2", True),
    ],
)
def test_there_is_a_budget_from_two_pods_on(entries: str, present: bool, render: Render) -> None:
    sets = [f"services.booking.{entry}" for entry in entries.split()]
    found = titles(render("minimal", *sets), "PodDisruptionBudget")
    assert ("PodDisruptionBudget/attune-booking" in found) is present


def test_a_null_removes_the_user_of_all_pods(render: Render) -> None:
    for workload in workloads(render("openshift")):
        context = workload.spec["securityContext"]
        assert "runAsUser" not in context, workload.name
        assert "fsGroup" not in context, workload.name
        assert context["runAsNonRoot"] is True
    assert deployment(render("minimal")).spec["securityContext"]["runAsUser"] == 10001


def test_no_pod_has_a_token(values: Path, render: Render) -> None:
    documents = render(values)
    for account in of_kind(documents, "ServiceAccount"):
        assert account["automountServiceAccountToken"] is False
    for workload in workloads(documents):
        assert workload.spec["automountServiceAccountToken"] is False
        sources = [s for v in workload.spec.get("volumes", []) for s in _sources(v)]
        assert not any("serviceAccountToken" in source for source in sources)
    assert not titles(documents, "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")


def _sources(volume: Document) -> list[Document]:
    return list(volume.get("projected", {}).get("sources", []))


def pod_annotations(documents: Sequence[Document], service: str = "booking") -> Document:
    found: Document = deployment(documents, service).template["metadata"]["annotations"]
    return found


def test_a_changed_setting_restarts_the_pods_that_read_it(render: Render) -> None:
    before = render("minimal")
    changed = render("minimal", "services.booking.settings.CALL_SECONDS=3")
    assert pod_annotations(before) != pod_annotations(changed)
    assert pod_annotations(before, "billing") == pod_annotations(changed, "billing")
    assert pod_annotations(before) != pod_annotations(render("minimal", "secrets.version=v2"))


def test_a_new_chart_version_alone_restarts_no_pod(render: Render, tmp_path: Path) -> None:
    newer = render("minimal", "global.image.tag=1.0", chart=with_version("9.9.9", tmp_path))
    older = render("minimal", "global.image.tag=1.0")
    for service in calls.ALL:
        assert deployment(newer, service).template == deployment(older, service).template


def with_version(version: str, folder: Path) -> Path:
    """Return a copy of the chart that has another version."""
    copy = folder / "attune"
    shutil.copytree(helm.CHART, copy)
    path = copy / "Chart.yaml"
    lines = path.read_text().splitlines()
    lines = [f"version: {version}" if line.startswith("version:") else line for line in lines]
    path.write_text("\n".join(lines) + "\n")
    return copy


def migrations(documents: Sequence[Document]) -> set[str]:
    return {name for name in titles(documents, "Job") if "migrations" in name}


def test_every_upgrade_migrates_anew(render: Render, tmp_path: Path) -> None:
    """A Job cannot be changed, so each of a release's revisions needs a name of its own."""
    before = migrations(render("minimal"))
    assert len(before) == len(calls.ALL)
    assert before.isdisjoint(migrations(render("minimal", "global.image.tag=1.0")))
    assert before.isdisjoint(migrations(render("minimal", chart=with_version("9.9.9", tmp_path))))
    assert before == migrations(render("minimal", "exposure.extraHosts[0]=b.example.com"))


def test_the_name_of_a_migration_has_the_revision(render: Render) -> None:
    """`helm template` knows revision 1 only, so the name is asked for by a template."""
    context = '(dict "Revision" {})'
    name = (
        '{{{{ include "attune.migrationSuffix" (dict "name" "booking" "service" dict "root"'
        ' (dict "Values" .Values "Chart" .Chart "Release" {})) }}}}'
    )
    data = {str(n): name.format(context.format(n)) for n in (1, 2)}
    extra = [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "names"}, "data": data}]
    values = f"extraObjects={json.dumps(extra)}"
    documents = helm.with_json("minimal", values)
    names = one(documents, "ConfigMap/names")["data"]
    assert names["1"] != names["2"]
    assert "-2-" in names["2"]


def test_every_pod_of_a_service_waits_for_its_schema(values: Path, render: Render) -> None:
    for service in calls.ALL:
        first = deployment(render(values), service).containers[0]
        assert first.is_init
        assert first.spec["command"][:3] == ["attune", "wait-for-schema", service]


def test_migrations_run_as_the_owner_and_services_do_not(values: Path, render: Render) -> None:
    for workload in workloads(render(values)):
        text = json.dumps(workload.spec)
        is_migration = workload.component.endswith("-migrations")
        assert ("owner_database_url" in text) is is_migration, workload.name


@pytest.mark.req("PF-9")
def test_mutual_tls_reaches_every_service_and_names_its_callers_targets(render: Render) -> None:
    documents = render("prod")
    for service in calls.ALL:
        container = deployment(documents, service).containers[-1].spec
        (mount,) = (m for m in container["volumeMounts"] if m["mountPath"] == "/run/attune/tls")
        assert mount["readOnly"] is True
        (volume,) = (
            v for v in deployment(documents, service).spec["volumes"] if v["name"] == mount["name"]
        )
        certificate = one(documents, f"Certificate/attune-{service}")["spec"]
        assert volume["secret"]["secretName"] == certificate["secretName"]
        assert {"server auth", "client auth"} <= set(certificate["usages"])
        data = one(documents, f"ConfigMap/attune-{service}")["data"]
        assert data["TLS_FOLDER"] == "/run/attune/tls"
        for variable, target in _targets(data):
            callee = variable.removesuffix("_TARGET").lower().replace("_", "-")
            names = one(documents, f"Certificate/attune-{callee}")["spec"]["dnsNames"]
            assert urlsplit(target.replace("dns:///", "dns://")).hostname in names


def test_without_mutual_tls_nothing_is_mounted(render: Render) -> None:
    text = json.dumps([w.document for w in workloads(render("minimal"))])
    assert "/run/attune/tls" not in text
    assert not titles(render("minimal"), "Certificate")


def _targets(data: Document) -> Iterator[tuple[str, str]]:
    return ((name, value) for name, value in data.items() if name.endswith("_TARGET"))


def test_targets_are_headless_services_at_the_port_of_the_pods(
    values: Path, render: Render
) -> None:
    """gRPC balances calls over pods only if it sees every pod, at the pods' own port."""
    documents = render(values)
    hosts = {
        f"{d['metadata']['name']}.{helm.NAMESPACE}.svc.cluster.local": d["spec"]
        for d in of_kind(documents, "Service")
    }
    for service in calls.ALL:
        for _, target in _targets(one(documents, f"ConfigMap/attune-{service}")["data"]):
            host, port = target.removeprefix("dns:///").rsplit(":")
            assert hosts[host]["clusterIP"] == "None"
            assert [p["port"] for p in hosts[host]["ports"]] == [int(port)]
            assert {p["containerPort"] for p in deployment(documents, "booking").ports} >= {
                int(port)
            }
    configuration = json.loads(dict(channels.OPTIONS)["grpc.service_config"])  # type: ignore[arg-type]  # a list of pairs of mixed types
    assert configuration["loadBalancingConfig"] == [{"round_robin": {}}]


def exposed(documents: Sequence[Document]) -> set[str]:
    return titles(documents, "Ingress", "HTTPRoute", "GRPCRoute")


def test_nothing_is_exposed_by_default(render: Render) -> None:
    assert exposed(render("minimal")) == set()
    assert not any(d["spec"].get("type") in ("NodePort", "LoadBalancer") for d in _services(render))


def _services(render: Render) -> Iterator[Document]:
    return of_kind(render("minimal"), "Service")


def test_an_ingress_has_the_hosts_tls_and_issuer(render: Render) -> None:
    documents = render("prod", "exposure.extraHosts[0]=b.example.com")
    assert exposed(documents) == {"Ingress/attune-gateway"}
    ingress = one(documents, "Ingress/attune-gateway")
    hosts = [rule["host"] for rule in ingress["spec"]["rules"]]
    assert hosts == ["attune.example.com", "b.example.com"]
    (tls,) = ingress["spec"]["tls"]
    assert tls["hosts"] == hosts
    assert any(key.endswith("issuer") for key in ingress["metadata"]["annotations"])
    accepted = one(documents, "ConfigMap/attune-gateway")["data"]["ALLOWED_HOSTS"].split(",")
    assert "b.example.com" in accepted


def test_a_route_has_the_hosts_and_parents(render: Render) -> None:
    documents = render("gateway-api")
    assert exposed(documents) == {"HTTPRoute/attune-gateway"}
    route = one(documents, "HTTPRoute/attune-gateway")["spec"]
    assert route["hostnames"] == ["attune.example.com", "booking.example.com"]
    assert route["parentRefs"][0]["name"] == "public"


def test_secrets_come_from_one_place(render: Render) -> None:
    """Existing Secrets are only named; External Secrets make those that are mounted.

    Authorities of certificates are not secret, and stay where their servers have them.
    """
    assert titles(render("minimal"), "Secret", "ExternalSecret") == set()
    documents = render("prod")
    assert titles(documents, "Secret") == set()
    made = {d["spec"]["target"]["name"] for d in of_kind(documents, "ExternalSecret")}
    mounted = {
        source["secret"]["name"]
        for workload in workloads(documents)
        for volume in workload.spec.get("volumes", [])
        for source in _sources(volume)
    }
    authorities = {helm.values_of("prod")[server]["caSecret"] for server in ("postgres", "nats")}
    assert mounted - authorities == made


@pytest.mark.parametrize(
    "kind",
    ["PodDisruptionBudget", "NetworkPolicy", "HorizontalPodAutoscaler", "Job", "ServiceAccount"],
)
def test_objects_are_in_the_namespace_of_the_release(kind: str, render: Render) -> None:
    for document in of_kind(render("prod"), kind):
        assert document["metadata"]["namespace"] == helm.NAMESPACE


def test_the_chart_makes_nothing_for_the_whole_cluster(values: Path, render: Render) -> None:
    cluster_wide = ("Namespace", "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition")
    assert not titles(render(values), *cluster_wide)
    assert not any(group(d) == "admissionregistration.k8s.io" for d in render(values))


def test_no_secret_has_a_value_of_a_setting(values: Path, render: Render) -> None:
    """Keys and passwords are in Secrets; a ConfigMap has none."""
    for document in of_kind(render(values), "ConfigMap"):
        data: dict[str, Any] = document.get("data") or {}
        for name, value in data.items():
            secret = name in {"IDENTITY_KEY", "ENCRYPTION_KEYS", "SESSION_KEY", "BLIND_INDEX_KEY"}
            assert not secret, title(document)
            assert "postgresql://" not in str(value), title(document)
