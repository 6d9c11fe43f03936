"""What the chart refuses although the schema allows it, with messages that name the key."""

import re
from functools import cache

import pytest

from common.service import GRACE
from gateway.__main__ import _GRACE
from tests.chart.tools import helm

pytestmark = pytest.mark.req("PF-14")

# The message, the values file, and the values that are refused.
REFUSALS = [
    ("global.publicUrl is empty", "minimal", "global.publicUrl="),
    ("global.publicUrl must begin with https://", "minimal", "global.publicUrl=http://a.example"),
    ("global.image.registry is empty", "minimal", "global.image.registry="),
    ("postgres.mode is development", "minimal", "postgres.mode=development"),
    ("nats.mode is development", "minimal", "nats.mode=development"),
    ("secrets.mode is development", "minimal", "secrets.mode=development"),
    (
        "characters, and 63 are allowed: shorten the release's name, or set fullnameOverride",
        "minimal",
        "fullnameOverride=attune-of-the-practice-in-brooklyn",
    ),
    (
        "secrets.serviceTemplate is 'attune', but each service has a Secret of its own",
        "minimal",
        "secrets.serviceTemplate=attune",
    ),
    ("postgres.secretTemplate is 'db'", "minimal", "postgres.secretTemplate=db"),
    ("postgres.ownerSecretTemplate is ''", "minimal", "postgres.ownerSecretTemplate="),
    (
        "services must not connect as the owner of their schema",
        "minimal",
        "postgres.ownerSecretTemplate=attune-{service}-database",
    ),
    ("secrets.shared is empty", "minimal", "secrets.shared="),
    ("secrets.operator is empty", "minimal", "secrets.operator="),
    ("secrets.externalSecrets.storeRef.name is empty", "minimal", "secrets.mode=externalSecrets"),
    ("nats.url is empty", "openshift", "nats.url="),
    ("telemetry.otlpEndpoint is not used", "dev", "telemetry.otlpEndpoint=http://a:4317"),
    (
        "postgres.cnpg.backups.objectStore is empty",
        "minimal",
        "postgres.mode=cnpg,postgres.cnpg.backups.enabled=true",
    ),
    (
        "services.booking.calls has ledger, which is not a service: services has availability,",
        "minimal",
        "services.booking.calls={ledger}",
    ),
    ("services.booking.calls has booking itself", "minimal", "services.booking.calls={booking}"),
    (
        "services.booking.calls has gateway, which serves HTTP",
        "minimal",
        "services.booking.calls={gateway}",
    ),
    (
        "services.billing.egress has payments, which is not in networkPolicy.external",
        "minimal",
        "services.billing.egress={payments}",
    ),
    (
        "services.billing.autoscaling and services.billing.keda are both enabled",
        "keda",
        "services.billing.autoscaling.enabled=true",
    ),
    (
        "services.booking.autoscaling.minReplicas (9) is more than maxReplicas (8)",
        "prod",
        "services.booking.autoscaling.minReplicas=9",
    ),
    (
        "services.billing.keda.minReplicas (5) is more than maxReplicas (4)",
        "keda",
        "services.billing.keda.minReplicas=5",
    ),
    (
        "services.calendar-sync.keda is enabled, but calendar-sync handles no events",
        "keda",
        "services.calendar-sync.keda.enabled=true",
    ),
    ("nats.monitoringEndpoint is empty", "keda", "nats.monitoringEndpoint="),
    (
        "services.gateway.terminationGracePeriodSeconds is 45, but stopping takes up to 60 s",
        "minimal",
        "services.gateway.preStopSleepSeconds=30",
    ),
    (
        "services.billing.terminationGracePeriodSeconds is 22, but stopping takes up to 23 s",
        "minimal",
        "services.billing.terminationGracePeriodSeconds=22",
    ),
    (
        "services.booking.databaseRole is only for postgres.mode: external",
        "cnpg",
        "services.booking.databaseRole=app",
    ),
    (
        "services.availability.resources.limits.memory is 640Mi, but the service needs 1484Mi with"
        " 1024 CACHE_MEGABYTES",
        "minimal",
        "services.availability.settings.CACHE_MEGABYTES=1024",
    ),
    (
        "services.gateway.resources.limits.memory is 384Mi, but the service needs 476Mi with"
        " 2 WEB_WORKERS",
        "minimal",
        "services.gateway.settings.WEB_WORKERS=2",
    ),
    (
        "services.billing.resources.limits.memory is 128Mi, but the service needs 152Mi",
        "minimal",
        "services.billing.resources.limits.memory=128Mi",
    ),
    (
        "services.telehealth-rooms.resources.limits.memory is missing",
        "minimal",
        "defaults.resources.limits.memory=null",
    ),
    (
        "cronJobs.projections-check names search, which is not a service",
        "prod",
        "cronJobs.projections-check.databases={search}",
    ),
    (
        "services.notifications.settings.MAIL_FROM is no-reply@localhost",
        "openshift",
        "services.notifications.settings.MAIL_FROM=no-reply@localhost",
    ),
    (
        "services.notifications.settings.CHANNEL is development: no mail would leave in production",
        "minimal",
        "services.notifications.settings.CHANNEL=development",
    ),
    (
        "exposure.gatewayApi.parentRefs is empty",
        "gateway-api",
        "exposure.gatewayApi.parentRefs=null",
    ),
    (
        "exposure.ingress.tls.secretName is empty: name the Secret that the issuer makes",
        "prod",
        "exposure.ingress.tls.secretName=",
    ),
    (
        "exposure.ingress.tls.secretName is empty: production needs TLS",
        "minimal",
        "exposure.ingress.enabled=true",
    ),
    (
        "postgres.maxConnections is 300, but up to",
        "minimal",
        "postgres.maxConnections=300",
    ),
]


@cache
def refusals() -> dict[tuple[str, str], str]:
    """Return what Helm says about each case, by values file and `--set` entry.

    Cases that set different keys share a run, since the chart tells all problems at once.
    """
    runs: list[tuple[str, dict[str, str]]] = []
    for _, values, sets in REFUSALS:
        keys = re.findall(r"(?:^|,)([\w.-]+)=", sets)
        for name, taken in runs:
            if name == values and not taken.keys() & set(keys):
                break
        else:
            taken = {}
            runs.append((values, taken))
        taken |= dict.fromkeys(keys, sets)
    return {
        (values, sets): refusal
        for values, taken in runs
        for refusal in [_refusal(values, *dict.fromkeys(taken.values()))]
        for sets in taken.values()
    }


def _refusal(values: str, *sets: str) -> str:
    with pytest.raises(helm.Refused) as refused:
        helm.text(values, *sets)
    return str(refused.value)


@pytest.mark.parametrize(
    ("message", "values", "sets"), REFUSALS, ids=[sets for _, _, sets in REFUSALS]
)
def test_nonsense_is_refused_by_the_name_of_its_key(message: str, values: str, sets: str) -> None:
    assert message in refusals()[values, sets]
    assert message not in _accepted(values)


@cache
def _accepted(values: str) -> str:
    """Return what is rendered without nonsense."""
    return helm.text(values)


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(helm.Refused) as refused:
        helm.text("minimal", "global.publicUrl=", "nats.url=", "secrets.shared=")
    for key in ("global.publicUrl", "nats.url", "secrets.shared"):
        assert key in str(refused.value)


def test_the_grace_period_has_room_for_the_code_s_own() -> None:
    """The chart's figures for stopping are those of the code: `attune.shutdownSeconds`."""
    sleep = 8
    for service, grace in (("gateway", _GRACE), ("billing", GRACE)):
        enough = sleep + int(grace) + 5
        key = f"services.{service}.terminationGracePeriodSeconds"
        helm.text("minimal", f"{key}={enough}")
        with pytest.raises(helm.Refused, match=key):
            helm.text("minimal", f"{key}={enough - 1}")
