"""Every example's manifests are what an API server accepts, and hang together (spec PF-14)."""

from pathlib import Path

import pytest
import yaml
from yamllint import linter
from yamllint.config import YamlLintConfig

from tests.chart.conftest import Render
from tests.chart.tools import helm, references, schemas, selection, uniqueness
from tests.ecosystem import programs

pytestmark = pytest.mark.req("PF-14")

_HERE = Path(__file__).parent
_WRITTEN = YamlLintConfig((_HERE / "yamllint.yaml").read_text())
# Helm's toYaml indents as it likes; a key that occurs twice is a mistake all the same.
_RENDERED = YamlLintConfig("{rules: {key-duplicates: enable, anchors: enable, truthy: enable}}")


def yaml_problems(text: str, config: YamlLintConfig) -> list[str]:
    return [f"{found.line}: {found.desc} ({found.rule})" for found in linter.run(text, config)]


def written() -> list[Path]:
    """Return the YAML files that people write, without templates and test cases for promtool."""
    return [
        helm.CHART / "Chart.yaml",
        helm.CHART / "values.yaml",
        *helm.values_files(),
        *sorted((helm.CHART / "files").rglob("*.yaml")),
        *sorted((helm.CHART.parent / "third-party").glob("*.yaml")),
    ]


def test_there_are_examples_of_every_kind_of_installation() -> None:
    names = {path.name.removesuffix("-values.yaml") for path in helm.values_files()}
    assert names >= {"minimal", "dev", "prod", "cnpg", "gateway-api", "keda", "openshift"}


def test_helm_finds_nothing(values: Path) -> None:
    told = helm.lint(values)
    assert "0 chart(s) failed" in told
    assert "[WARNING]" not in told


@pytest.mark.parametrize("version", schemas.VERSIONS)
def test_kubernetes_knows_every_field(values: Path, version: str, render: Render) -> None:
    assert schemas.problems(render(values, kubernetes=version), version) == []


def test_cloudnativepg_knows_every_field(
    values: Path, schemas_folder: Path, render: Render
) -> None:
    assert schemas.cnpg_problems(render(values), schemas_folder) == []


def test_other_operators_know_every_field(all_examples: list[helm.Document]) -> None:
    assert schemas.custom_problems(all_examples) == []


def test_names_and_entries_are_unique_and_short_enough(values: Path, render: Render) -> None:
    assert uniqueness.problems(render(values)) == []


def test_selectors_and_ports_find_something(values: Path, render: Render) -> None:
    assert selection.problems(render(values)) == []


def test_everything_that_is_named_exists(values: Path, render: Render) -> None:
    external = references.declared(helm.values_of(values), helm.RELEASE)
    assert references.problems(render(values), external) == []


@pytest.mark.parametrize("path", written(), ids=lambda path: path.name)
def test_written_yaml_is_clean(path: Path) -> None:
    assert yaml_problems(path.read_text(), _WRITTEN) == []


def test_rendered_yaml_has_no_key_twice() -> None:
    """The examples have most documents in common, each of which is read once."""
    parts = {part for path in helm.values_files() for part in helm.text(path).split("\n---\n")}
    found = {part: yaml_problems(part, _RENDERED) for part in sorted(parts)}
    assert {part: problems for part, problems in found.items() if problems} == {}


def test_yamllint_sees_what_a_parser_accepts() -> None:
    text = "spec:\n  replicas: 1\n  replicas: 2\n  on: yes\n  mode: 0440\n"
    assert yaml.safe_load(text)["spec"]["replicas"] == 2
    found = " ".join(yaml_problems(text, _RENDERED))
    assert "key-duplicates" in found
    assert "truthy" in found


def test_hadolint_finds_a_mistake(tmp_path: Path) -> None:
    broken = tmp_path / "Dockerfile"
    broken.write_text("FROM debian:latest\nRUN apt-get install curl\n")
    assert "DL3007" in programs.tool("hadolint", broken, succeeds=False)
