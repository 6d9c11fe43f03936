"""Objectives and alerts: valid, of this release alone, firing when they should and never else."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from common.services import GATEWAY, SERVICES
from tests.chart.conftest import Render
from tests.chart.tools import helm, promql
from tests.chart.tools.helm import NAMESPACE, Document
from tests.chart.tools.install import ROOT
from tests.chart.tools.rules import ENABLED, alerts, groups, rules, write

pytestmark = pytest.mark.req("PF-14")
UNIT_TESTS = sorted((ROOT / "deploy" / "prometheus" / "tests").glob("*.yaml"))
TARGETS = {"kube_job_status_failed"}
"""Metrics of others, whose `namespace` is that of the object."""


@pytest.fixture(scope="module")
def rendered(render: Render) -> tuple[Document, ...]:
    """The chart with its rules."""
    return render("minimal", ENABLED)


def cases() -> list[dict[str, Any]]:
    """Return the cases of all unit tests of rules."""
    return [case for path in UNIT_TESTS for case in yaml.safe_load(path.read_text())["tests"]]


def test_prometheus_accepts_the_rules(
    rendered: tuple[Document, ...], promtool: Path, tmp_path: Path
) -> None:
    write(rendered, tmp_path / "rules")
    files = [str(path) for path in (tmp_path / "rules").iterdir()]
    done = run(promtool, "check", "rules", "--lint=all", "--lint-fatal", *files, at=tmp_path)
    counts = map(int, re.findall(r"SUCCESS: (\d+) rules found", done))
    assert sum(counts) == len([*rules(rendered)])


@pytest.mark.parametrize("path", UNIT_TESTS, ids=lambda path: path.stem)
def test_alerts_fire_when_they_should_and_never_else(
    path: Path, rendered: tuple[Document, ...], promtool: Path, tmp_path: Path
) -> None:
    write(rendered, tmp_path / "rules", annotations=False)
    (tmp_path / path.name).write_text(path.read_text())
    assert "SUCCESS" in run(promtool, "test", "rules", path.name, at=tmp_path)


def run(promtool: Path, *arguments: str, at: Path) -> str:
    done = subprocess.run([promtool, *arguments], cwd=at, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_each_alert_has_a_case_in_which_it_fires_and_one_in_which_it_is_quiet(
    rendered: tuple[Document, ...],
) -> None:
    checks = [check for case in cases() for check in case["alert_rule_test"]]
    firing = {check["alertname"] for check in checks if check.get("exp_alerts")}
    quiet = {check["alertname"] for check in checks if not check.get("exp_alerts")}
    assert firing == quiet == alerts(rendered)


def test_expressions_read_series_of_this_release_alone(rendered: tuple[Document, ...]) -> None:
    for rule in rules(rendered):
        for selector in promql.selectors(rule["expr"]):
            scopes = [m.value for m in selector.matchers if m.label == "namespace"]
            assert scopes == [NAMESPACE], rule


def test_another_scope_takes_the_place_of_the_namespace(render: Render) -> None:
    scope = 'k8s_namespace_name="practice"'
    for rule in rules(render("minimal", ENABLED, f"monitoring.rules.scope={scope}")):
        for selector in promql.selectors(rule["expr"]):
            if not selector.metric.startswith("slo:") and selector.metric not in TARGETS:
                labels = {m.label for m in selector.matchers}
                assert "k8s_namespace_name" in labels, rule
                assert "namespace" not in labels, rule


def test_alerts_say_what_to_do(rendered: tuple[Document, ...]) -> None:
    for rule in rules(rendered):
        if name := rule.get("alert"):
            assert rule["labels"]["severity"] in {"page", "ticket"}, name
            assert rule["labels"]["namespace"] == NAMESPACE
            notes = rule["annotations"]
            assert notes["summary"], name
            assert notes["description"], name
            assert (ROOT / notes["runbook"]).is_file(), name
            assert notes["dashboard_uid"].startswith("attune-"), name


def test_links_lead_to_the_runbooks_of_the_installation(render: Render) -> None:
    url = "https://wiki.example.com/runbooks/"
    for rule in rules(render("minimal", ENABLED, f"monitoring.rules.runbookUrl={url}")):
        if name := rule.get("alert"):
            assert rule["annotations"]["runbook_url"] == f"{url}{name}.md"


def test_an_alert_can_be_left_out_and_its_records_stay(
    render: Render, rendered: tuple[Document, ...]
) -> None:
    left_out = {"BookingSuccessBudgetBurn", "DeadLetters"}
    found = render("minimal", ENABLED, f"monitoring.rules.exclude={{{','.join(left_out)}}}")
    assert alerts(rendered) - alerts(found) == left_out
    assert records(found) == records(rendered)


def records(documents: tuple[Document, ...]) -> list[Any]:
    return [rule for rule in rules(documents) if "record" in rule]


def test_an_alert_can_be_changed(render: Render) -> None:
    changes = {
        "OutboxStuck.for": "9m",
        "OutboxStuck.severity": "ticket",
        "OutboxStuck.threshold": 5,
        "BookingSuccessBudgetBurn.severity": "ticket",
    }
    sets = [f"monitoring.rules.overrides.{key}={value}" for key, value in changes.items()]
    by_name: dict[str, list[Any]] = {}
    for rule in rules(render("minimal", ENABLED, *sets)):
        by_name.setdefault(rule.get("alert", ""), []).append(rule)
    [stuck] = by_name["OutboxStuck"]
    assert (stuck["for"], stuck["labels"]["severity"]) == ("9m", "ticket")
    assert stuck["expr"].endswith("> 5")
    assert {r["labels"]["severity"] for r in by_name["BookingSuccessBudgetBurn"]} == {"ticket"}


def test_an_objective_can_be_changed(render: Render) -> None:
    sets = (
        "monitoring.slo.objectives.booking-success=99",
        "monitoring.slo.minErrors.booking-success=3",
    )
    found = [*rules(render("minimal", ENABLED, *sets))]
    [page, *_] = [rule for rule in found if rule.get("alert") == "BookingSuccessBudgetBurn"]
    limits = re.findall(r"> ([\d.]+)", page["expr"])
    assert limits == ["0.144000", "0.144000"], "14.4 times a budget of 1 %"
    assert page["expr"].endswith(">= 3")
    [ratio] = [
        rule["expr"]
        for rule in found
        if rule.get("record") == "slo:objective:ratio"
        and rule["labels"]["slo"] == "booking-success"
    ]
    assert ratio == "vector(0.990000)"


def test_a_threshold_or_number_of_errors_can_be_zero(render: Render) -> None:
    sets = ("rules.overrides.OutboxStuck.threshold=0", "slo.minErrors.booking-success=0")
    found = [*rules(render("minimal", ENABLED, *(f"monitoring.{each}" for each in sets)))]
    by_name = {rule["alert"]: rule["expr"] for rule in found if "alert" in rule}
    assert by_name["OutboxStuck"].endswith("> 0")
    assert by_name["BookingSuccessBudgetBurn"].endswith(">= 0")


@pytest.mark.parametrize("kind", ["PodMonitor", "ServiceMonitor"])
def test_the_collector_is_scraped(kind: str, render: Render) -> None:
    collector = "telemetry.collector.enabled=true"
    documents = render(
        "minimal", collector, "monitoring.scrape.enabled=true", f"monitoring.scrape.kind={kind}"
    )
    [monitor] = [d for d in documents if d["kind"] == kind]
    target = {"PodMonitor": "Deployment", "ServiceMonitor": "Service"}[kind]
    [selected] = [
        d
        for d in documents
        if d["kind"] == target
        and monitor["spec"]["selector"]["matchLabels"].items() <= d["metadata"]["labels"].items()
    ]
    if kind == "PodMonitor":
        [endpoint] = monitor["spec"]["podMetricsEndpoints"]
        ports = selected["spec"]["template"]["spec"]["containers"][0]["ports"]
    else:
        [endpoint] = monitor["spec"]["endpoints"]
        ports = selected["spec"]["ports"]
    assert endpoint["port"] in {port["name"] for port in ports}
    assert endpoint["honorLabels"] is True, "the services' own job and instance"


def test_without_a_collector_there_is_nothing_to_scrape() -> None:
    with pytest.raises(helm.Refused, match=re.escape("telemetry.collector.enabled")):
        helm.text("minimal", "monitoring.scrape.enabled=true")


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        ("rules.exclude={OutboxStack}", "OutboxStack"),
        ("rules.overrides.OutboxStack.for=1m", "monitoring.rules.overrides.OutboxStack"),
        ("rules.overrides.TelemetryAbsent.threshold=1", "TelemetryAbsent.threshold"),
        (
            "rules.overrides.BookingSuccessBudgetBurn.threshold=1",
            "monitoring.slo.objectives",
        ),
        ("slo.objectives.booking=99", "monitoring.slo.objectives.booking"),
        ("slo.minErrors.booking=9", "monitoring.slo.minErrors.booking"),
    ],
)
def test_what_would_change_nothing_is_refused(setting: str, named: str) -> None:
    with pytest.raises(helm.Refused, match=re.escape(named)):
        helm.text("minimal", ENABLED, f"monitoring.{setting}")


def test_rules_of_an_objective_are_evaluated_as_often_as_their_counts_assume(
    rendered: tuple[Document, ...],
) -> None:
    """`sum_over_time(…) * 30` counts errors only if there is a sample every 30 seconds."""
    for group in groups(rendered):
        if any("alert" in rule for rule in group["rules"]):
            assert group["interval"] == "30s"


def test_the_metrics_of_every_service_are_missed(rendered: tuple[Document, ...]) -> None:
    [absent] = [rule for rule in rules(rendered) if rule.get("alert") == "TelemetryAbsent"]
    jobs = {
        matcher.value
        for selector in promql.selectors(absent["expr"])
        for matcher in selector.matchers
        if matcher.label == "job"
    }
    assert jobs == {f"attune/{service}" for service in (*SERVICES, GATEWAY)}


def test_there_are_no_rules_by_default(render: Render) -> None:
    assert [*rules(render("minimal"))] == []
