"""`make mutate`: change one small thing at a time and list the changes that no test notices.

Each mutant (`tests.mutants`) is written to a copy of the repository, never to the checkout. First
each package's tests run on unchanged code, which records the lines that each test executes. Then
a mutant is judged by the tests of its package that execute the changed statement; if they pass,
and the mutant is in `common`, also by those of booking, which uses most of it. Two copies work
side by side. Each has a PostgreSQL for the whole run, and a fresh NATS for each run of tests,
because NATS keeps streams under fixed names.

This module is also the pytest plugin that reports on these runs.
"""

import argparse
import fnmatch
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Any, TypeVar

import psycopg
import pytest
from coverage import Coverage, CoverageData
from psycopg import sql

from attune_local.servers import Nats, Postgres, free_port
from tests.mutants import Mutant, sample, statement

ROOT = Path(__file__).parent.parent
_LAYERS = ("domain", "actions", "store", "jobs", "search")
SOURCES = (
    "libs/common/src/common/**/*.py",
    *(f"services/*/src/*/{layer}/**/*.py" for layer in _LAYERS),
    *(f"services/*/src/*/{layer}.py" for layer in _LAYERS),
)
_EVERYTHING = ("libs/*/src/**/*.py", "services/*/src/**/*.py")
_NEVER = re.compile(r"^libs/(testing|common/src/attune)/|/migrations/|/tables\.py$")
_USER_OF_COMMON = "services/booking"
_COPIES = 2
_PASSWORD = "attune-mutants"
_REPORT = "ATTUNE_MUTATE_REPORT"  # the file to which the plugin writes a Run

Done = TypeVar("Done")
Wrapper = Generator[None, Any, Any]


@dataclass(frozen=True)
class Run:
    """The outcome of one run of pytest."""

    failed: list[str]  # the tests that failed, or another reason; empty if all passed
    seconds: dict[str, float]  # that each test took


@dataclass(frozen=True)
class Measured:
    """What a package's tests execute on unchanged code, and how long they take."""

    seconds: Mapping[str, float]  # of each test
    # The tests that execute each line, by path and line. The test "" stands for imports and for
    # fixtures that several tests share.
    executed_by: Mapping[str, Mapping[int, Sequence[str]]]

    def choose(self, path: str, lines: Iterable[int]) -> list[str]:
        """Return the tests that execute any of `lines`, quick ones first.

        If only imports and shared fixtures execute these lines, return all tests.
        """
        by_line = self.executed_by.get(path, {})
        found = {test for line in lines for test in by_line.get(line, ())}
        chosen = found & self.seconds.keys() or (self.seconds if found else ())
        return sorted(chosen, key=self.seconds.__getitem__)


@dataclass(frozen=True)
class Verdict:
    """The outcome for one mutant, as build/mutations.json has it."""

    path: str
    line: int
    change: str
    noticed_by: str  # the test that failed, or another reason; empty if all passed
    tests: int  # how many execute the changed statement
    seconds: float
    diff: str

    @property
    def word(self) -> str:
        """What became of the mutant."""
        if self.noticed_by:
            return "noticed"
        return "survived" if self.tests else "not run"


class Copy:
    """A copy of the repository in which tests run, one run at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.tree = folder / "tree"
        self._postgres = Postgres(folder / "postgres", free_port(), _PASSWORD)
        ignored = shutil.ignore_patterns(".*", "build", "__pycache__", "node_modules")
        shutil.copytree(ROOT, self.tree, symlinks=True, ignore=ignored)

    @contextmanager
    def started(self) -> Iterator["Copy"]:
        """Keep PostgreSQL running."""
        self._postgres.start()
        try:
            yield self
        finally:
            self._postgres.stop()

    def write(self, path: str, text: str) -> None:
        """Replace a source file and delete its bytecode, which Python tells apart by size and
        second alone."""
        file = self.tree / path
        file.write_text(text)
        for stale in file.parent.glob(f"__pycache__/{file.stem}.*.pyc"):
            stale.unlink()

    def measure(self, files: Sequence[str]) -> Measured:
        """Run test files with coverage. Raises RuntimeError if a test fails."""
        data = CoverageData(str(self._folder / "coverage"))
        data.erase()
        # Sources of the checkout are recorded as well, so that _relative finds them.
        sources = ",".join(f"{root}/{glob}" for root in (self.tree, ROOT) for glob in _EVERYTHING)
        options = [f"--data-file={data.data_filename()}", f"--include={sources}"]
        run = self._run(["-m", "coverage", "run", *options, "-m", "pytest", *files])
        if broken := [test for test in run.failed if self.test([test])]:
            raise RuntimeError(f"without any change a test fails: {broken[0]}")
        data.read()
        return Measured(
            run.seconds,
            {self._relative(file): data.contexts_by_lineno(file) for file in data.measured_files()},
        )

    def _relative(self, file: str) -> str:
        """Return a path relative to the copy. Raises RuntimeError for a file of the checkout."""
        if not Path(file).is_relative_to(self.tree):
            raise RuntimeError(f"the tests imported the checkout: {file}")
        return str(Path(file).relative_to(self.tree))

    def test(self, tests: Sequence[str], limit: float | None = None) -> str:
        """Return the first test that fails, another reason such as the time limit, or "".

        A test that passes when it runs again by itself has not failed: the machine was too slow
        for it.
        """
        left = list(tests)
        while left:
            failed = "".join(self._run(["-m", "pytest", "-x", *left], limit).failed[:1])
            if failed not in left or self._run(["-m", "pytest", failed], limit).failed:
                return failed
            left = left[left.index(failed) + 1 :]
        return ""

    def _run(self, command: Sequence[str], limit: float | None = None) -> Run:
        nats = Nats(self._folder / "nats", free_port())
        nats.start()
        try:
            return self._pytest(command, self._environment(nats.url), limit)
        finally:
            nats.stop()
            shutil.rmtree(self._folder / "nats", ignore_errors=True)
            self._drop_databases()

    def _environment(self, nats_url: str) -> dict[str, str]:
        # What is on PYTHONPATH comes before what editable installs add.
        sources = sorted(self.tree.glob("*/*/src"))
        return os.environ | {
            "PYTHONPATH": os.pathsep.join(map(str, [self.tree, *sources])),
            "ATTUNE_TEST_POSTGRES_URL": self._postgres.url,
            "ATTUNE_TEST_NATS_URL": nats_url,
            _REPORT: str(self._folder / "report"),
            "PYTHONDONTWRITEBYTECODE": "",  # without bytecode a run starts seconds later
        }

    def _pytest(self, command: Sequence[str], env: Mapping[str, str], limit: float | None) -> Run:
        report = Path(env[_REPORT])
        report.unlink(missing_ok=True)
        options = ["--tb=line", "-p", "no:cacheprovider", "-p", "tests.mutate"]
        with TemporaryFile("w+") as output:  # no pipe: what tests leave running would hold it
            try:
                done = subprocess.run(
                    [sys.executable, *command, *options],
                    cwd=self.tree,
                    env=env,
                    timeout=limit,
                    stdout=output,
                    stderr=output,
                )
            except subprocess.TimeoutExpired:
                return Run(["the time limit"], {})
            output.seek(0)
            told = output.read().strip()
        run = Run(**json.loads(report.read_text())) if report.exists() else Run([], {})
        return Run([told[-500:]], {}) if done.returncode and not run.failed else run

    def _drop_databases(self) -> None:
        with psycopg.connect(f"{self._postgres.url}/postgres", autocommit=True) as server:
            made = server.execute("SELECT datname FROM pg_database WHERE datname LIKE 'test%'")
            for (name,) in made.fetchall():
                drop = sql.SQL("DROP DATABASE {} WITH (FORCE)")
                server.execute(drop.format(sql.Identifier(name)))


_this_run = Run([], {})  # of the process that has this module as a plugin


@contextmanager
def _attributed(test: str) -> Iterator[None]:
    """Attribute to `test` the lines that any thread executes during the block."""
    recording = Coverage.current()
    before = recording.switch_context(test) if recording else None
    try:
        yield
    finally:
        if recording:
            recording.switch_context(before or "")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Wrapper:
    """Attribute lines to the test, and note how long it takes."""
    begin = time.monotonic()
    with _attributed(item.nodeid):
        done = yield
    _this_run.seconds[item.nodeid] = time.monotonic() - begin
    return done


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[object]) -> Wrapper:
    """Attribute the setup of a shared fixture to no test."""
    if fixturedef.scope == "function":
        return (yield)
    with _attributed(""):
        return (yield)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note a test that failed."""
    if report.failed:
        _this_run.failed.append(report.nodeid)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Note a file that could not be collected."""
    if report.failed:
        _this_run.failed.append(report.nodeid)


def pytest_sessionfinish() -> None:
    """Write the report."""
    if path := os.environ.get(_REPORT):
        Path(path).write_text(json.dumps(asdict(_this_run)))


def read_sources(only: str = "") -> dict[str, str]:
    """Return the files to mutate by path; with `only`, a glob, any source file that matches."""
    patterns = _EVERYTHING if only else SOURCES
    found = {str(path.relative_to(ROOT)) for pattern in patterns for path in ROOT.glob(pattern)}
    wanted = {path for path in fnmatch.filter(found, only or "*") if not _NEVER.search(path)}
    return {path: (ROOT / path).read_text() for path in wanted if list_tests(_package(path))}


def _package(path: str) -> str:
    return "/".join(Path(path).parts[:2])


def packages_for(path: str) -> list[str]:
    """Return the packages whose tests should notice a change of the file, its own first."""
    own = _package(path)
    return [own, _USER_OF_COMMON] if own == "libs/common" else [own]


def list_tests(package: str) -> list[str]:
    """Return the paths of a package's test files."""
    files = (ROOT / package / "tests").rglob("test_*.py")
    return sorted(str(file.relative_to(ROOT)) for file in files)


def measure(copy: Copy, package: str) -> tuple[str, Measured]:
    """Return a package and what its tests execute."""
    return package, copy.measure(list_tests(package))


def judge(copy: Copy, mutant: Mutant, text: str, measured: Mapping[str, Measured]) -> Verdict:
    """Run the tests on one mutant of `text`. `measured` is by package."""
    lines = statement(text, mutant.line)
    failed, tests, begin = "", 0, time.monotonic()
    copy.write(mutant.path, mutant.apply(text))
    try:
        for package in packages_for(mutant.path):
            chosen = measured[package].choose(mutant.path, lines)
            usual = sum(measured[package].seconds[test] for test in chosen)
            tests += len(chosen)
            failed = failed or copy.test(chosen, 60 + 4 * usual)
    finally:
        copy.write(mutant.path, text)
    return Verdict(
        path=mutant.path,
        line=mutant.line,
        change=mutant.change,
        noticed_by=failed,
        tests=tests,
        seconds=round(time.monotonic() - begin, 1),
        diff=mutant.diff(text),
    )


def spread(copies: Sequence[Copy], tasks: Iterable[Callable[[Copy], Done]]) -> Iterator[Done]:
    """Yield the results of tasks as they come, each done in a copy that is free."""
    free: SimpleQueue[Copy] = SimpleQueue()
    for copy in copies:
        free.put(copy)

    def run(task: Callable[[Copy], Done]) -> Done:
        copy = free.get()
        try:
            return task(copy)
        finally:
            free.put(copy)

    pool = ThreadPoolExecutor(len(copies))
    try:
        for future in as_completed([pool.submit(run, task) for task in tasks]):
            yield future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def judge_all(mutants: Sequence[Mutant], sources: Mapping[str, str]) -> Iterator[Verdict]:
    """Yield a verdict on each mutant, as they come."""
    packages = sorted({package for mutant in mutants for package in packages_for(mutant.path)})
    with TemporaryDirectory(prefix="attune-mutate-") as folder, ExitStack() as stack:
        Path(folder).chmod(0o755)  # PostgreSQL's unprivileged user must pass
        places = [Path(folder) / str(n) for n in range(_COPIES)]
        copies = [stack.enter_context(Copy(place).started()) for place in places]
        measured = dict(spread(copies, [partial(measure, package=each) for each in packages]))
        yield from spread(
            copies,
            [
                partial(judge, mutant=mutant, text=sources[mutant.path], measured=measured)
                for mutant in mutants
            ],
        )


def main() -> None:
    """Judge a sample of mutants, print what becomes of them and write build/mutations.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--only", default="", help="a glob of paths: 'services/booking/*'")
    options = parser.parse_args()
    # The machine is not switched off while a mutant is judged.
    os.environ.setdefault("ATTUNE_POSTGRES_OPTIONS", "-c fsync=off")
    sources = read_sources(options.only)
    verdicts: list[Verdict] = []
    for verdict in judge_all(sample(sources, options.count, options.seed), sources):
        verdicts.append(verdict)
        place = f"{verdict.path}:{verdict.line}"
        print(f"{place}  {verdict.change}  {verdict.word}  {verdict.seconds:.0f} s", flush=True)
        write(verdicts)
    for verdict in verdicts:
        if not verdict.noticed_by:
            print(f"\n{verdict.diff}")
    counts = Counter(verdict.word for verdict in verdicts)
    print("\n" + ", ".join(f"{count} {word}" for word, count in counts.items()))


def write(verdicts: Sequence[Verdict]) -> None:
    """Write the verdicts so far: a run that is ended early keeps them."""
    ordered = sorted(verdicts, key=lambda verdict: (verdict.path, verdict.line))
    (ROOT / "build").mkdir(exist_ok=True)
    text = json.dumps([asdict(verdict) for verdict in ordered], indent=1)
    (ROOT / "build" / "mutations.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
