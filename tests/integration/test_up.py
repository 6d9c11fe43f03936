"""`attune up`, as a person runs it."""

import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests

from attune_local.servers import free_port
from tests.integration import newcomer
from tests.integration.up import Up
from tests.mailserver import MailServer

pytestmark = [pytest.mark.req("PF-11"), pytest.mark.timeout(240)]


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_the_readme_leads_to_a_practice_whose_data_stay_and_nothing_else(
    data: Path, mail: MailServer
) -> None:
    first = Up(data, free_port(), SMTP_URL=mail.url, MAIL_FROM=newcomer.SENDER)
    newcomer.walk(first, data, mail)
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
