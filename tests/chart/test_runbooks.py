"""Each alert has a runbook with the same sections, whose queries and commands are valid."""

import re
import shlex
import subprocess

import pytest
from click import Group

from attune_operator.main import main
from tests.chart.conftest import Render
from tests.chart.tools import promql
from tests.chart.tools.rules import ENABLED, alerts, rules
from tests.chart.tools.runbooks import SECTIONS, Block, blocks, texts

pytestmark = pytest.mark.req("PF-14")
PROGRAMS = {"kubectl", "helm", "attune"}


def test_each_alert_has_a_runbook_and_each_runbook_an_alert(render: Render) -> None:
    assert set(texts()) == alerts(render("minimal", ENABLED))


@pytest.mark.parametrize("name", sorted(texts()))
def test_runbooks_have_the_same_sections(name: str) -> None:
    text = texts()[name]
    assert text.startswith(f"# {name}\n")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == SECTIONS
    sections = re.split(r"^## .*$", text, flags=re.MULTILINE)[1:]
    assert all(section.strip() for section in sections)
    assert "```" in text, "no command and no query"


def test_runbooks_name_the_dashboards_of_their_alerts(render: Render) -> None:
    for rule in rules(render("minimal", ENABLED)):
        if name := rule.get("alert"):
            uid = rule["annotations"]["dashboard_uid"]
            assert f"Dashboard: `{uid}`" in texts()[name], name


@pytest.mark.parametrize("block", [*blocks()], ids=lambda b: f"{b.page}-{b.language}")
def test_blocks_are_of_a_known_kind(block: Block) -> None:
    assert block.language in {"sh", "promql", "sql"}
    if block.language == "promql":
        assert promql.selectors(block.text)
    if block.language == "sh":
        subprocess.run(["/bin/sh", "-n"], input=block.text, text=True, check=True)
        assert {shlex.split(line)[0] for line in block.text.splitlines()} <= PROGRAMS


def test_the_attune_command_knows_the_subcommands() -> None:
    pattern = re.compile(
        r"\battune ((?:dead-letters|audit|keys|projections|backup|bookings|events) [\w-]+)"
    )
    named = {words for text in texts().values() for words in pattern.findall(text)}
    assert "dead-letters replay" in named
    for group, command in (words.split() for words in named):
        commands = main.commands[group]
        assert isinstance(commands, Group)
        assert command in commands.commands, (group, command)


def test_kubectl_names_what_the_chart_makes(render: Render) -> None:
    documents = render("minimal", ENABLED)
    components = {d["metadata"]["labels"].get("app.kubernetes.io/component") for d in documents}
    deployments = {d["metadata"]["name"] for d in documents if d["kind"] == "Deployment"}
    for block in blocks("sh"):
        named = re.findall(r"/component=([\w-]+)", block.text)
        assert set(named) <= components | {"collector"}, block
    for page, text in texts().items():
        assert set(re.findall(r"deploy/([\w-]+)", text)) <= deployments, page
