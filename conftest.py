"""Servers once a run, the `req` marker, and the count of passing tests for each requirement."""

import json
import os
import tempfile
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

pytest.register_assert_rewrite("attune_testing", "tests.peers")

from attune_local.servers import free_port
from attune_local.stack import Stack
from attune_testing.servers import NATS, POSTGRES, servers
from tests.collector import Collector
from tests.world import PATIENT

pytest_plugins = ["attune_testing.fixtures", "tests.peers"]
Reporting = Generator[None, Any, Any]
_GATEWAY = "services/gateway/"
_WHOLE = "tests/"
_FAULTY = tuple(
    f"tests/integration/test_{name}.py"
    for name in ("degraded", "faults", "poison", "restore", "time")
)
_PERSONAL_DATA = "tests/personal_data/"
_ROLLING = "tests/integration/rolling/"
_CHART = "tests/chart/"  # starts no Attune; one process renders each example once
_METRICS = "tests/chart/test_metrics.py"  # uses the Attune of the tests of the whole
# Each starts what it needs by itself, and takes long.
_ALONE = (
    "tests/integration/test_backup.py",
    "tests/integration/test_chaos.py",
    "tests/integration/test_up.py",
    "tests/test_installation.py",
)
_LONGEST = ("whole", "gateway", "faulty", "personal data", "rolling", *_ALONE)
_LINES = 20  # of the log, for a test that fails
_servers = ExitStack()
_stacks: list[Stack] = []
_passed: Counter[str] = Counter()


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput") or config.option.collectonly:
        return
    # What is tested survives processes that are killed; no machine is switched off meanwhile.
    os.environ.setdefault("ATTUNE_POSTGRES_OPTIONS", "-c fsync=off")
    os.environ[POSTGRES], os.environ[NATS] = _servers.enter_context(servers())


def pytest_unconfigure() -> None:
    _servers.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Reporting:
    report = yield
    report.requirements = [r for mark in item.iter_markers("req") for r in mark.args]
    if report.failed and (told := "\n".join(map(_complaints, _stacks)).strip()):
        report.sections.append(("what services logged last", told))
    return report


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup() -> Reporting:
    """Note which whole Attunes are there, so that a failing test can show what they logged."""
    made = yield
    if isinstance(stack := getattr(made, "stack", made), Stack) and stack not in _stacks:
        _stacks.append(stack)
    return made


def _complaints(stack: Stack) -> str:
    """The last warnings and errors of all processes, in order; those that failing on purpose
    causes are among them."""
    lines = [
        line
        for log in (stack.folder / "logs").glob("*.log")
        for line in log.read_text(errors="replace").splitlines()
        if '"level": "WARNING"' in line or '"level": "ERROR"' in line
    ]
    return "\n".join(sorted(lines)[-_LINES:])  # each begins with its time


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" and report.passed:
        _passed.update(getattr(report, "requirements", []))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Written by the controlling process, which has seen every worker's reports."""
    if not hasattr(session.config, "workerinput") and _passed:
        path = Path(session.config.rootpath) / "build" / "test-reqs.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(dict(sorted(_passed.items())), indent=1))


def _group(nodeid: str) -> str:
    """Return the name of the group of tests that one process runs.

    A group shares an Attune, which its process starts: that of the tests of the whole, of the
    gateway, of failing parts, of restarted parts, or of personal data. All other tests are grouped
    by module.
    """
    module = nodeid.partition("::")[0]
    if module.startswith(_PERSONAL_DATA):
        return "personal data"
    if module in _FAULTY:
        return "faulty"
    if module.startswith(_ROLLING):
        return "rolling"
    if module.startswith(_GATEWAY):
        return "gateway"
    if module.startswith(_CHART) and module != _METRICS:
        return "chart"
    return "whole" if module.startswith(_WHOLE) and module not in _ALONE else module


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the groups that take longest, so that no process runs one of them at the end."""
    rank = {group: number for number, group in enumerate(_LONGEST)}
    items.sort(key=lambda item: rank.get(_group(item.nodeid), len(rank)))


class Groups(LoadScopeScheduling):  # type: ignore[misc]  # untyped base
    """A scheduler that gives each group to one process.

    xdist's own groups (3.8) do not see the node ids of pytest 9.2.
    """

    def _split_scope(self, nodeid: str) -> str:
        return _group(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Groups:
    """Return the scheduler that deals out groups of tests to processes."""
    config.option.loadscopereorder = False  # the order is that of `_LONGEST`
    return Groups(config, log)


@pytest.fixture(scope="session")
def collector() -> Iterator[Collector]:
    """A receiver of what the services export by OTLP."""
    with Collector() as started:
        yield started


@pytest.fixture(scope="session")
def clock_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file whose number of seconds every service adds to its clock."""
    return tmp_path_factory.mktemp("clock") / "shift"


@pytest.fixture(scope="session")
def stack(collector: Collector, clock_file: Path) -> Iterator[Stack]:
    """The whole Attune, started once: every service as a process of its own; two of booking."""
    with tempfile.TemporaryDirectory(prefix="attune-stack-") as folder:
        started = Stack(
            Path(folder),
            free_port(),
            extra={
                "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
                # Spans are made for those who ask for them, by a traceparent.
                "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
                "OTEL_TRACES_SAMPLER_ARG": "0",
                "OTEL_BSP_SCHEDULE_DELAY": "100",
                "OTEL_METRIC_EXPORT_INTERVAL": "5000",
                "CLOCK_FILE": str(clock_file),
                **PATIENT,
                "LIMIT_REQUESTS": "1000000/minute",
                "LIMIT_WRITES": "1000000/minute",
                "LIMIT_PUBLIC_WRITES": "1000000/minute",
                "LIMIT_SIGN_INS": "1000000/minute",
            },
            replicas={"booking": 2},
        )
        try:
            started.start()
            yield started
        finally:
            started.stop()
