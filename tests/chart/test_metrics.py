"""The metrics that rules, dashboards, and runbooks read are really sent."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from attune_local.stack import Stack
from attune_testing.waiting import until
from tests.chart.conftest import Render
from tests.chart.tools import promql
from tests.chart.tools.dashboards import ENABLED as DASHBOARDS
from tests.chart.tools.dashboards import expressions
from tests.chart.tools.promql import Matcher, Selector
from tests.chart.tools.rules import ENABLED as RULES
from tests.chart.tools.rules import rules
from tests.chart.tools.runbooks import Block, blocks
from tests.collector import Collector
from tests.prometheus import Labels, series
from tests.world import World

pytestmark = pytest.mark.req("PF-12", "PF-14")
OTHERS = {
    "kube_job_status_failed": "kube-state-metrics",
    "ALERTS": "Prometheus itself",
    "attune_backup_completed_seconds": "the backup, when it is done",
    "attune_certificate_expiry_seconds": "services with TLS",
}
"""Metrics that this stack does not send, and who sends them."""
OF_TARGETS = {"namespace", "instance"}
"""Labels that scraping adds, or that differ for each process."""
NOT_EVERY_VALUE = {"http_response_status_code", "rpc_response_status_code", "error_type"}
"""Labels of which the stack need not have sent every value: it has no failures to show."""


@pytest.fixture(scope="module")
def sent(stack: Stack, collector: Collector) -> dict[str, list[Labels]]:
    """Return what the services have sent after a search, a booking, a conflict, and its email."""
    world = World.make(stack)
    start = world.a_start()
    body = world.request(start)
    world.public.post(f"/providers/{world.username}/holds", slot_of(body), status=201)
    other = world.a_start(days=4)
    booked = world.book_as(world.request(other))
    assert booked["status"] == "confirmed"
    again = world.public.call(
        "POST", f"/providers/{world.username}/bookings", json=world.request(other)
    )
    assert again.status_code == 409
    page = world.public.session.post(f"{stack.url}/book/{world.username}", data={}, timeout=60)
    assert page.status_code < 500
    world.messages(f"{world.username}@practice.example")

    for _ in range(2):  # the first may have been under way before
        await_metrics_of_all(stack, collector)
    return series(collector.metrics())


def await_metrics_of_all(stack: Stack, collector: Collector) -> None:
    """Wait until every process has sent its metrics again."""
    before = collector.metrics()

    def again() -> int:
        return sum(all(request is not old for old in before) for request in collector.metrics())

    until(again, lambda count: count >= len(stack.processes))


def slot_of(body: dict[str, Any]) -> dict[str, Any]:
    return {name: body[name] for name in ("service", "mode", "start")}


def matching(sent: dict[str, list[Labels]], selector: Selector) -> list[Labels]:
    """Return the series that a selector reads, by all labels whose every value is known."""
    matchers = [
        m for m in selector.matchers if m.label not in OF_TARGETS | NOT_EVERY_VALUE and decides(m)
    ]
    return [
        labels
        for labels in sent.get(selector.metric, ())
        if all(m.accepts(labels.get(m.label, "")) for m in matchers)
    ]


def decides(matcher: Matcher) -> bool:
    """Return whether a matcher asks for a value, rather than leaving some out."""
    return matcher.operator in ("=", "=~")


def unknown(sent: dict[str, list[Labels]], expression: str) -> Iterator[str]:
    """Yield each metric, label, and value in an expression that no service sends."""
    grouped = promql.grouped_labels(expression)
    ours = [s for s in promql.selectors(expression) if not s.metric.startswith("slo:")]
    for selector in ours:
        if selector.metric in OTHERS:
            continue
        found = matching(sent, selector)
        if not found:
            yield f"no series of {selector.metric}{[str(m) for m in selector.matchers]}"
            continue
        labels = {label for each in found for label in each}
        asked = {m.label for m in selector.matchers if decides(m)} - OF_TARGETS
        for label in (asked | (grouped if len(ours) == 1 else set())) - labels - {"namespace"}:
            yield f"{selector.metric} has no label {label}"


def test_rules_read_what_services_send(render: Render, sent: dict[str, list[Labels]]) -> None:
    documents = render("minimal", RULES)
    missing = {u for rule in rules(documents) for u in unknown(sent, rule["expr"])}
    assert missing == set()


def test_dashboards_read_what_services_send(render: Render, sent: dict[str, list[Labels]]) -> None:
    queries = expressions(render("minimal", DASHBOARDS))
    assert {u for query in queries for u in unknown(sent, query)} == set()


def test_runbooks_read_what_services_send(sent: dict[str, list[Labels]]) -> None:
    queries = [block.text for block in blocks("promql")]
    assert len(queries) > 20
    assert {u for query in queries for u in unknown(sent, query)} == set()


def test_each_process_counts_for_itself(sent: dict[str, list[Labels]]) -> None:
    """The stack has two processes of booking, with the same name."""
    processes = [
        labels["instance"]
        for labels in sent["attune_db_pool_usage_ratio"]
        if labels["job"] == "attune/booking"
    ]
    assert len(processes) == len(set(processes)) >= 2


def test_outcomes_are_there_before_they_happen(sent: dict[str, list[Labels]]) -> None:
    outcomes = {labels["outcome"] for labels in sent["attune_booking_attempts_total"]}
    assert outcomes == {"confirmed", "requested", "conflict", "refused", "error"}
    notices = {labels["outcome"] for labels in sent["attune_notices_total"]}
    assert notices == {"queued", "sent", "failed", "superseded"}


def test_labels_have_few_values(sent: dict[str, list[Labels]]) -> None:
    """No label holds an id: of a person, a practice, a booking, or a path of a URL."""
    values: dict[tuple[str, str], set[str]] = {}
    for name, found in sent.items():
        for labels in found:
            for label, value in labels.items():
                if label not in {"instance", "le"}:
                    values.setdefault((name, label), set()).add(value)
    many = {where: len(found) for where, found in values.items() if len(found) > 120}
    assert many == {}


@pytest.mark.parametrize("block", [*blocks("sql")], ids=lambda block: block.page)
def test_queries_in_runbooks_are_valid(block: Block, stack: Stack) -> None:
    url = stack.database_url(block.database, owner=True)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET default_transaction_read_only = on")
        for statement in filter(None, map(str.strip, block.text.split(";"))):
            connection.execute(statement.encode())


def test_commands_in_runbooks_run(stack: Stack) -> None:
    """Those that only read and need no cluster."""
    lines = {line for block in blocks("sh") for line in block.text.splitlines()}
    commands = sorted(line for line in lines if line.startswith("attune ") and "replay" not in line)
    assert commands == ["attune dead-letters list"]
    for command in commands:
        done = subprocess.run(
            [Path(sys.executable).parent / "attune", *command.split()[1:]],
            env={**os.environ, "NATS_URL": stack.nats_url},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
