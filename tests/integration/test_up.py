"""`attune up`, as a person runs it."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import requests

from attune_local.servers import free_port

pytestmark = [pytest.mark.req("PF-11"), pytest.mark.timeout(240)]


class Up:
    """One run of `attune up`, and what it printed until it was up."""

    def __init__(self, data: Path, port: int) -> None:
        env = {**os.environ, "ATTUNE_DATA": str(data), "ATTUNE_PORT": str(port)}
        self.url = f"http://127.0.0.1:{port}"
        began = time.monotonic()
        self.process = subprocess.Popen(
            [Path(sys.executable).parent / "attune", "up"],
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.printed = ""
        assert self.process.stdout
        for line in self.process.stdout:
            self.printed += line
            if "Press Ctrl-C to stop" in line:
                break
        self.seconds = time.monotonic() - began
        assert f"Attune is up: {self.url}" in self.printed, self.printed

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        assert self.process.stdout
        self.process.stdout.read()
        self.process.stdout.close()
        return self.process.wait(60)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for parent in (tmp_path, *tmp_path.parents):
        if parent.owner() == "root" and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o011)  # PostgreSQL's own user must pass
    return tmp_path / "data"


def test_it_starts_keeps_its_data_and_leaves_nothing_behind(data: Path) -> None:
    first = Up(data, free_port())
    assert requests.get(f"{first.url}/book/demo", timeout=60).status_code == 200
    match = re.search(r"owner@demo\.example\s+(\S+)", first.printed)
    assert match
    login = {"email": "owner@demo.example", "password": match[1]}
    answer = requests.post(f"{first.url}/api/v1/auth/login", json=login, timeout=60)
    assert answer.status_code == 200

    children = first.children()
    assert first.end(signal.SIGINT) == 0
    assert not psutil.wait_procs(children, timeout=60)[1]

    again = Up(data, free_port())
    answer = requests.post(f"{again.url}/api/v1/auth/login", json=login, timeout=60)
    assert answer.status_code == 200

    # When it is killed its children end, too.
    children = again.children()
    again.process.kill()
    again.process.wait()
    assert again.process.stdout
    again.process.stdout.close()
    assert not psutil.wait_procs(children, timeout=60)[1]


@pytest.mark.soak
def test_two_run_side_by_side(data: Path) -> None:
    first, other = Up(data, free_port()), Up(data.parent / "other", free_port())
    children = other.children()
    assert other.end(signal.SIGTERM) == 0
    assert not psutil.wait_procs(children, timeout=60)[1]
    assert requests.get(f"{first.url}/book/demo", timeout=60).status_code == 200
    assert first.end(signal.SIGTERM) == 0
