"""Dashboards: what Grafana needs, valid queries, and the dashboards that alerts name."""

import subprocess
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart.conftest import Render
from tests.chart.tools import promql
from tests.chart.tools.dashboards import ENABLED, dashboards, expressions, panels
from tests.chart.tools.helm import CHART, Document
from tests.chart.tools.rules import ENABLED as RULES
from tests.chart.tools.rules import rules

pytestmark = pytest.mark.req("PF-14")
FILES = sorted((CHART / "files" / "dashboards").glob("*.yaml"))
UIDS = [f"attune-{path.stem}" for path in FILES]


@pytest.fixture(scope="module")
def rendered(render: Render) -> tuple[Document, ...]:
    """The chart with its dashboards."""
    return render("minimal", ENABLED)


@pytest.fixture(params=UIDS)
def dashboard(rendered: tuple[Document, ...], request: pytest.FixtureRequest) -> dict[str, Any]:
    """One dashboard."""
    return dashboards(rendered)[request.param]


def test_each_file_becomes_a_dashboard_that_the_sidecar_finds(
    rendered: tuple[Document, ...],
) -> None:
    maps = [d for d in rendered if "-dashboard-" in d["metadata"]["name"]]
    assert sorted(dashboards(rendered)) == UIDS
    assert len(maps) == len(UIDS) > 0
    for each in maps:
        assert each["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert each["metadata"]["annotations"]["grafana_folder"] == "Attune"
        assert len(yaml.safe_dump(each)) < 250_000, "annotations and maps have limits"


def test_titles_and_ids_are_unique(rendered: tuple[Document, ...]) -> None:
    found = dashboards(rendered).values()
    assert max(Counter(each["title"] for each in found).values()) == 1
    for each in found:
        ids = Counter(panel["id"] for panel in each["panels"])
        assert max(ids.values()) == 1, each["title"]


def test_panels_say_what_they_show_and_in_which_unit(dashboard: dict[str, Any]) -> None:
    for panel in panels(dashboard):
        assert panel["title"], panel
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["targets"], panel["title"]
        references = [target["refId"] for target in panel["targets"]]
        assert len(references) == len(set(references)), panel["title"]


def test_the_reader_chooses_the_data_source(dashboard: dict[str, Any]) -> None:
    variables = {each["name"]: each for each in dashboard["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    assert variables["namespace"]["datasource"] == chosen
    for panel in panels(dashboard):
        assert panel["datasource"] == chosen, panel["title"]
        assert all(target["datasource"] == chosen for target in panel["targets"]), panel["title"]


def test_panels_lie_side_by_side(dashboard: dict[str, Any]) -> None:
    places = [panel["gridPos"] for panel in dashboard["panels"]]
    assert all(p["x"] >= 0 and p["x"] + p["w"] <= 24 for p in places)
    for one, other in combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or below, (one, other)


def test_prometheus_accepts_the_queries(
    rendered: tuple[Document, ...], promtool: Path, tmp_path: Path
) -> None:
    queries = [*expressions(rendered)]
    records = [{"record": f"panel:{n}", "expr": query} for n, query in enumerate(queries)]
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": records}]}))
    checked = [str(promtool), "check", "rules", "--lint=none", str(file)]
    done = subprocess.run(checked, capture_output=True, text=True)
    assert f"SUCCESS: {len(queries)} rules found" in done.stdout, done.stdout + done.stderr


def test_queries_are_of_the_namespace_that_the_reader_chooses(
    rendered: tuple[Document, ...],
) -> None:
    for dashboard in dashboards(rendered).values():
        for panel in panels(dashboard):
            for target in panel["targets"]:
                query = target["expr"].replace("$__rate_interval", "5m")
                for selector in promql.selectors(query):
                    scope = [m.value for m in selector.matchers if m.label == "namespace"]
                    assert scope == ["$namespace"], (panel["title"], query)


def test_alerts_name_dashboards_that_exist(render: Render, rendered: tuple[Document, ...]) -> None:
    named = {
        r["annotations"]["dashboard_uid"] for r in rules(render("minimal", RULES)) if "alert" in r
    }
    assert named <= set(dashboards(rendered))


def test_another_scope_changes_the_label_of_the_namespace(render: Render) -> None:
    scope = 'monitoring.rules.scope=k8s_namespace_name="practice"'
    for query in expressions(render("minimal", ENABLED, scope)):
        for selector in promql.selectors(query):
            expected = (
                "namespace"
                if selector.metric.startswith(("slo:", "ALERTS"))
                else "k8s_namespace_name"
            )
            assert expected in {m.label for m in selector.matchers}, query


def test_there_are_no_dashboards_by_default(render: Render) -> None:
    assert dashboards(render("minimal")) == {}
