"""`make mutate`: what is changed, what is left alone, that a seed repeats a sample, and which
tests judge a change."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from coverage import CoverageData

from tests.mutants import is_changed, mutants_of, sample, statement
from tests.mutate import ROOT, Measured, packages_for, read_sources

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


@pytest.mark.parametrize(
    ("text", "statements"),
    [
        ("total = (\n    1\n    + 2\n)\nlast = 3", [1, 1, 1, 1, 5]),
        ("if (\n    a\n    and b\n):\n    one()\nelif c:\n    two()", [1, 1, 1, 1, 5, 6, 7]),
        ("@one\n@two\ndef f(\n    a=1,\n):\n    return a", [1, 1, 1, 1, 1, 6]),
        ("class C:\n    a: int = 1\n\n    def f(self):\n        pass", [1, 2, None, 4, 5]),
    ],
)
def test_a_statement_is_its_lines_without_its_body(text: str, statements: list[int | None]) -> None:
    for line, first in enumerate(statements, 1):
        if first is not None:
            same = [n for n, other in enumerate(statements, 1) if other == first]
            assert list(statement(text, line)) == same


def test_the_tests_that_execute_a_line_are_chosen_quick_ones_first() -> None:
    measured = Measured(
        {"slow": 3, "quick": 1, "other": 2},
        {"a.py": {1: [""], 2: ["", "slow", "quick"], 3: ["other"]}},
    )
    assert measured.choose("a.py", [2]) == ["quick", "slow"]
    assert measured.choose("a.py", [2, 3, 4]) == ["quick", "other", "slow"]
    assert measured.choose("a.py", [1]) == ["quick", "other", "slow"]  # at import, so all
    assert measured.choose("a.py", [4]) == []
    assert measured.choose("b.py", [1]) == []


TESTS = """
import threading, queue, pytest
jobs = queue.Queue()
def work():
    while job := jobs.get():
        job()
@pytest.fixture(scope="session")
def worker():
    thread = threading.Thread(target=work)
    thread.start()
    yield
    jobs.put(None)
    thread.join()
def run(job):
    done = threading.Event()
    jobs.put(lambda: (job(), done.set()))
    done.wait()
def test_one(worker):
    run(lambda:
        1)
@pytest.mark.parametrize("number", [2, 3])
def test_two(worker, number):
    run(lambda:
        number)
    assert number == 2
"""


def test_lines_of_all_threads_are_attributed_to_the_test_that_runs(tmp_path: Path) -> None:
    file, data = tmp_path / "test_it.py", CoverageData(str(tmp_path / "coverage"))
    file.write_text(TESTS)
    command = ["-m", "coverage", "run", f"--include={file}", f"--data-file={data.data_filename()}"]
    command += ["-m", "pytest", "-p", "tests.mutate", f"--rootdir={tmp_path}", str(file)]
    env = os.environ | {"PYTHONPATH": str(ROOT), "ATTUNE_MUTATE_REPORT": str(tmp_path / "report")}
    subprocess.run([sys.executable, *command], cwd=tmp_path, env=env)
    data.read()
    tests = {
        line: {name.removeprefix("test_it.py::") for name in names}
        for line, names in data.contexts_by_lineno(str(file)).items()
    }
    one, two, three = "test_one", "test_two[2]", "test_two[3]"
    assert tests[TESTS.splitlines().index("        1)") + 1] == {one}
    assert tests[TESTS.splitlines().index("        number)") + 1] == {two, three}
    assert tests[TESTS.splitlines().index("        job()") + 1] == {one, two, three}
    assert tests[TESTS.splitlines().index("    thread.start()") + 1] == {""}
    report = json.loads((tmp_path / "report").read_text())
    assert report["failed"] == [f"test_it.py::{three}"]
    assert list(report["seconds"]) == [f"test_it.py::{name}" for name in (one, two, three)]
