"""The README of the chart."""

from pathlib import Path

import pytest

from tests.chart.tools import chart_docs

pytestmark = pytest.mark.req("PF-14")


def test_the_readme_has_the_values_of_the_chart() -> None:
    assert chart_docs.main(["--check"]) == 0, "run python -m tests.chart.tools.chart_docs"


def test_every_value_is_described() -> None:
    assert chart_docs.undescribed(chart_docs.VALUES.read_text()) == []


def test_a_changed_value_is_noticed_and_written(tmp_path: Path) -> None:
    readme, values = tmp_path / "README.md", tmp_path / "values.yaml"
    values.write_text("a:\n  # -- How many\n  # there are.\n  b: 1\n  c: 2\n")
    readme.write_text("Before\n<!-- values -->\n<!-- end of values -->\nAfter\n")
    assert chart_docs.main(["--check"], readme, values) == 1
    assert chart_docs.main([], readme, values) == 0
    assert "Before\n" in readme.read_text()
    assert "| `a.b` | `1` | How many there are. |" in readme.read_text()
    assert "\nAfter\n" in readme.read_text()
    assert chart_docs.main(["--check"], readme, values) == 0
    assert chart_docs.undescribed(values.read_text()) == ["a.c"]
