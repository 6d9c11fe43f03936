"""`make mutate`: what is changed, what is left alone, and that a seed repeats a sample."""

import ast

import pytest

from tests.mutants import is_changed, mutants_of, sample
from tests.mutate import packages_for, read_sources

SOURCE = '''"""A docstring about 7 things."""

import logging
from typing import TypeVar

log = logging.getLogger(__name__)
_PAUSE = 5
_DELAY = 5  # seconds between attempts
MOST = 128
__all__ = ["judge"]
Kind = TypeVar("Kind", bound=str)


def judge(
    row: "dict[str, int]", kinds: list[str], ready: bool = False
) -> list[int]:
    """Return 3 things."""
    assert kinds is not None
    log.warning("%s of %s", 1, 2)
    if row["kind"] not in kinds or not row["größe"] <= MOST:
        row.update(kind=0, größe=0)
        wait(1, timeout=2)
    ready = ready and row["kind"] < max(1.5, len(kinds)) + 1
    row.started = True
    # in or out
    return [row["kind"]]


def is_small(number: int) -> bool:
    return (  # a comment, and "quotes"
        number > 0
        and number < 10
    )
'''


def changes(source: str) -> list[str]:
    return [mutant.change for mutant in mutants_of("a.py", source) if is_changed(source, mutant)]


@pytest.mark.parametrize(
    "change",
    [
        "comparison: not in → in",
        "comparison: <= → <",
        "comparison: < → <=",
        "and/or: or → and",
        "and/or: and → or",
        "not removed: not",
        'condition negated: row["kind"] not in kinds or not row["größe"] <= MOST →'
        ' not (row["kind"] not in kinds or not row["größe"] <= MOST)',
        "number: 128 → 129",
        "number: 128 → 127",
        "boolean: True → False",
        "boolean: False → True",
        "function swapped: max → min",
        "arithmetic: + → -",
        "argument dropped: kind=0",
        "argument dropped: größe=0",
        "statement removed: row.update(kind=0, größe=0) → pass",
        "statement removed: row.started = True → pass",
        'returned value: [row["kind"]] → []',
        "condition negated: number > 0 and number < 10 → not (number > 0 and number < 10)",
    ],
)
def test_each_kind_of_change_is_found(change: str) -> None:
    assert any(found.startswith(change[:60]) for found in changes(SOURCE)), changes(SOURCE)


def test_what_says_nothing_about_behavior_is_left_alone() -> None:
    lines = {mutant.line for mutant in mutants_of("a.py", SOURCE)}
    told = {number: line for number, line in enumerate(SOURCE.splitlines(), 1) if number in lines}
    kept = ("docstring", "log", "_PAUSE", "_DELAY", "__all__", "TypeVar", "assert", "things", "#")
    assert not [line for line in told.values() if line.strip().startswith(kept)]
    assert "argument dropped: timeout=2" not in changes(SOURCE)
    assert "number: 2 → 3" not in changes(SOURCE)


def test_mutants_are_valid_python_and_all_different() -> None:
    texts = [mutant.apply(SOURCE) for mutant in mutants_of("a.py", SOURCE)]
    assert len(set(texts)) == len(texts) > 25
    assert SOURCE not in texts
    for text in texts:
        ast.parse(text)


def test_a_diff_shows_the_changed_line_alone() -> None:
    mutant = next(m for m in mutants_of("a.py", SOURCE) if m.change == "number: 128 → 129")
    changed = [line for line in mutant.diff(SOURCE).splitlines() if line[0] in "+-"]
    assert changed == ["--- a.py", "+++ a.py", "-MOST = 128", "+MOST = 129"]


def test_the_same_seed_draws_the_same_sample() -> None:
    sources = {"a.py": SOURCE, "b.py": SOURCE}
    assert sample(sources, 10, 1) == sample(sources, 10, 1)
    assert sample(sources, 10, 1) != sample(sources, 10, 2)
    assert len(sample(sources, 10, 1)) == 10
    assert len(sample(sources, 10_000, 1)) == 2 * len(changes(SOURCE))


def test_rules_and_shared_mechanisms_are_mutated_and_what_is_generated_is_not() -> None:
    found = read_sources()
    services = {path.split("/")[1] for path in found if path.startswith("services/")}
    assert {"availability", "booking", "billing", "notifications"} <= services
    assert any("/domain" in path for path in found)
    assert any(path.startswith("libs/common/src/common/") for path in found)
    everything = read_sources("*")
    assert set(found) < set(everything)
    assert not [path for path in everything if "/migrations/" in path or "/attune/" in path]


def test_only_picks_files_by_a_glob() -> None:
    found = read_sources("services/booking/*/store/*")
    assert found
    assert all(path.startswith("services/booking/src/booking/store/") for path in found)


def test_a_package_is_tested_by_its_own_tests_first() -> None:
    assert packages_for("services/billing/src/billing/domain.py") == ["services/billing"]
    assert packages_for("libs/common/src/common/ids.py")[0] == "libs/common"
