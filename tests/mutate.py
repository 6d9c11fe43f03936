"""`make mutate`: change one small thing at a time and list the changes that no test notices.

Each mutant (`tests.mutants`) is written to a copy of the repository, never to the checkout. Its
own package's tests run in that copy; if they pass, and the mutant is in `common`, those of booking
run, too, which uses most of it. Two copies work side by side. Each has a PostgreSQL for the
whole run, and a fresh NATS for each run of tests, because NATS keeps streams under fixed names.
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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory, TemporaryFile
from typing import TypeVar

import psycopg
import pytest
from psycopg import sql

from attune_local.servers import Nats, Postgres, free_port
from tests.mutants import Mutant, sample

ROOT = Path(__file__).parent.parent
_LAYERS = ("domain", "actions", "store", "jobs", "search")
# Modules with use cases that are not in actions/.
_MODULES = ("changes", "making", "offers", "state", "work")
SOURCES = (
    "libs/common/src/common/**/*.py",
    *(f"services/*/src/*/{layer}/**/*.py" for layer in _LAYERS),
    *(f"services/*/src/*/{module}.py" for module in (*_LAYERS, *_MODULES)),
)
_EVERYTHING = ("libs/*/src/**/*.py", "services/*/src/**/*.py")
_NEVER = re.compile(r"^libs/(testing|common/src/attune)/|/migrations/|/tables\.py$")
_USER_OF_COMMON = "services/booking"
_COPIES = 2
_PASSWORD = "attune-mutants"
_PASSED = 0, pytest.ExitCode.NO_TESTS_COLLECTED  # the latter if all that are left are deselected
_IMPORTED = "ATTUNE_MUTATE_IMPORTED"  # the file in which a run of tests lists what it imported


Done = TypeVar("Done")


@dataclass(frozen=True)
class Run:
    """The outcome of one run of pytest."""

    failed: str  # the first test that failed, or another reason; empty if all passed
    seconds: float
    imported: frozenset[str]  # paths relative to the copy


@dataclass(frozen=True)
class Verdict:
    """The outcome for one mutant, as build/mutations.json has it."""

    path: str
    line: int
    change: str
    noticed_by: str  # empty if no test failed
    imported: bool  # whether the tests loaded the changed file at all
    tests: list[str]
    seconds: float
    diff: str


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

    def test(self, files: Sequence[str], limit: float | None = None) -> Run:
        """Run test files until a test fails or `limit` seconds have passed. A test that passes
        when it runs again by itself has not failed: the machine was too slow for it."""
        left, unreliable = list(files), list[str]()
        run = self._run(left, limit)
        while "::" in run.failed and not self._run([run.failed], limit).failed:
            unreliable += ["--deselect", run.failed]
            left = left[left.index(run.failed.partition("::")[0]) :]  # all before have passed
            run = self._run([*left, *unreliable], limit)
        return run

    def _run(self, arguments: Sequence[str], limit: float | None) -> Run:
        nats = Nats(self._folder / "nats", free_port())
        listed = self._folder / "imported"
        listed.unlink(missing_ok=True)
        begin = time.monotonic()
        nats.start()
        try:
            failed = self._pytest(arguments, self._environment(nats.url, listed), limit)
        finally:
            nats.stop()
            shutil.rmtree(self._folder / "nats", ignore_errors=True)
            self._drop_databases()
        imported = listed.read_text().splitlines() if listed.exists() else []
        return Run(failed, time.monotonic() - begin, self._check(imported))

    def _environment(self, nats_url: str, listed: Path) -> dict[str, str]:
        # What is on PYTHONPATH comes before what editable installs add.
        sources = sorted(self.tree.glob("*/*/src"))
        return os.environ | {
            "PYTHONPATH": os.pathsep.join(map(str, [self.tree, *sources])),
            "ATTUNE_TEST_POSTGRES_URL": self._postgres.url,
            "ATTUNE_TEST_NATS_URL": nats_url,
            _IMPORTED: str(listed),
        }

    def _pytest(self, arguments: Sequence[str], env: Mapping[str, str], limit: float | None) -> str:
        """Return the first test that failed, or what else went wrong."""
        options = ["-x", "--tb=line", "-p", "no:cacheprovider", "-p", "tests.mutate"]
        command = [sys.executable, "-m", "pytest", *options, *arguments]
        with TemporaryFile("w+") as output:  # no pipe: what tests leave running would hold it
            try:
                done = subprocess.run(
                    command, cwd=self.tree, env=env, timeout=limit, stdout=output, stderr=output
                )
            except subprocess.TimeoutExpired:
                return "the time limit"
            output.seek(0)
            told = output.read().strip()
        found = re.search(r"^(?:FAILED|ERROR) (.+?)(?: - |$)", told, re.MULTILINE)
        return (found[1] if found else told[-500:]) if done.returncode not in _PASSED else ""

    def _check(self, imported: Sequence[str]) -> frozenset[str]:
        """Return the imported files of the copy. Raises RuntimeError if any is the checkout's."""
        ours = ROOT / "libs", ROOT / "services", ROOT / "tests"
        if wrong := [file for file in imported if any(map(Path(file).is_relative_to, ours))]:
            raise RuntimeError(f"the tests imported the checkout: {wrong[0]}")
        inside = (file for file in map(Path, imported) if file.is_relative_to(self.tree))
        return frozenset(str(file.relative_to(self.tree)) for file in inside)

    def _drop_databases(self) -> None:
        with psycopg.connect(f"{self._postgres.url}/postgres", autocommit=True) as server:
            made = server.execute("SELECT datname FROM pg_database WHERE datname LIKE 'test%'")
            for (name,) in made.fetchall():
                drop = sql.SQL("DROP DATABASE {} WITH (FORCE)")
                server.execute(drop.format(sql.Identifier(name)))


def pytest_sessionfinish() -> None:
    """List what was imported: this module is a plugin of the tests that it runs."""
    if listed := os.environ.get(_IMPORTED):
        files = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
        Path(listed).write_text("\n".join(filter(None, files)))


def read_sources(only: str = "") -> dict[str, str]:
    """Return the files to mutate by path; with `only`, a glob, any source file that matches."""
    patterns = _EVERYTHING if only else SOURCES
    found = {str(path.relative_to(ROOT)) for pattern in patterns for path in ROOT.glob(pattern)}
    wanted = {path for path in fnmatch.filter(found, only or "*") if not _NEVER.search(path)}
    return {path: (ROOT / path).read_text() for path in wanted if list_tests(ROOT, _package(path))}


def _package(path: str) -> str:
    return "/".join(Path(path).parts[:2])


def packages_for(path: str) -> list[str]:
    """Return the packages whose tests should notice a change of the file, its own first."""
    own = _package(path)
    return [own, _USER_OF_COMMON] if own == "libs/common" else [own]


def list_tests(tree: Path, package: str, path: str = "") -> list[str]:
    """Return a package's test files; those that mention the module at `path` most come first."""
    files = sorted((tree / package / "tests").rglob("test_*.py"))
    if path:
        module = re.compile(rf"\b{Path(path).stem}\b")
        files.sort(key=lambda file: -len(module.findall(file.read_text())))
    return [str(file.relative_to(tree)) for file in files]


def measure(copy: Copy, package: str) -> tuple[str, float]:
    """Return a package and the seconds that its tests take on unchanged code."""
    run = copy.test(list_tests(copy.tree, package))
    if run.failed:
        raise SystemExit(f"Without any change the tests of {package} fail: {run.failed}")
    return package, run.seconds


def judge(copy: Copy, mutant: Mutant, text: str, usual: Mapping[str, float]) -> Verdict:
    """Run the tests on one mutant of `text`. `usual` is the seconds of each package's tests."""
    runs: dict[str, Run] = {}
    copy.write(mutant.path, mutant.apply(text))
    try:
        for package in packages_for(mutant.path):
            limit = 60 + 4 * usual[package]
            files = list_tests(copy.tree, package, mutant.path)
            runs[package] = run = copy.test(files, limit)
            if run.failed:
                break
    finally:
        copy.write(mutant.path, text)
    return Verdict(
        path=mutant.path,
        line=mutant.line,
        change=mutant.change,
        noticed_by=run.failed,
        imported=any(mutant.path in run.imported for run in runs.values()),
        tests=list(runs),
        seconds=round(sum(run.seconds for run in runs.values()), 1),
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
        usual = dict(spread(copies, [partial(measure, package=package) for package in packages]))
        yield from spread(
            copies,
            [
                partial(judge, mutant=mutant, text=sources[mutant.path], usual=usual)
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
        word = "noticed" if verdict.noticed_by else "survived" if verdict.imported else "not loaded"
        place = f"{verdict.path}:{verdict.line}"
        print(f"{place}  {verdict.change}  {word}  {verdict.seconds:.0f} s", flush=True)
        write(verdicts)
    survivors = [verdict for verdict in verdicts if not verdict.noticed_by]
    for verdict in survivors:
        print(f"\n{verdict.diff}")
    print(f"\n{len(verdicts) - len(survivors)} of {len(verdicts)} noticed")


def write(verdicts: Sequence[Verdict]) -> None:
    """Write the verdicts so far: a run that is ended early keeps them."""
    ordered = sorted(verdicts, key=lambda verdict: (verdict.path, verdict.line))
    (ROOT / "build").mkdir(exist_ok=True)
    text = json.dumps([asdict(verdict) for verdict in ordered], indent=1)
    (ROOT / "build" / "mutations.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
