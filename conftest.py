"""Servers once a run, the `req` marker, and the count of passing tests for each requirement."""

import json
import os
from collections import Counter
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

pytest.register_assert_rewrite("common.testing")

from common.testing import NATS, POSTGRES, servers  # noqa: E402  # rewritten first

pytest_plugins = ["common.testing"]
Reporting = Generator[None, Any, Any]
_servers = ExitStack()
_passed: Counter[str] = Counter()


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput") or config.option.collectonly:
        return
    os.environ[POSTGRES], os.environ[NATS] = _servers.enter_context(servers())


def pytest_unconfigure() -> None:
    _servers.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Reporting:
    report = yield
    report.requirements = [r for mark in item.iter_markers("req") for r in mark.args]
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" and report.passed:
        _passed.update(getattr(report, "requirements", []))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Written by the controlling process, which has seen every worker's reports."""
    if not hasattr(session.config, "workerinput") and _passed:
        path = Path(session.config.rootpath) / "build" / "test-reqs.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(dict(sorted(_passed.items())), indent=1))
