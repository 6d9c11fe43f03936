"""A newcomer who types the commands of the README, up to a practice that emails its clients."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import requests

from attune_testing.waiting import until
from tests.integration.up import Up
from tests.mailserver import MailServer

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.M | re.S)
SENDER = "appointments@example.com"
PASSWORD = "a good long password"


def commands() -> list[str]:
    """Return the README's blocks of commands, in order, without those that run `make`."""
    blocks = BLOCK.findall((ROOT / "README.md").read_text())
    return [block for block in blocks if "make " not in block]


class Newcomer:
    """Somebody who types the README's commands into a terminal."""

    def __init__(self, up: Up, data: Path) -> None:
        self.up = up
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        self.env = {"PATH": path, "ATTUNE_DATA": str(data), "ATTUNE": f"{up.url}/api/v1"}

    def run(self, block: str, typed: str = "") -> str:
        """Run one block and return what it prints. `typed` answers its questions."""
        block = block.replace("http://127.0.0.1:8080", self.up.url)
        block = block.replace(". .venv/bin/activate\n", "")  # wherever these tests are installed
        done = subprocess.run(
            ["/bin/bash", "-euo", "pipefail", "-c", block],
            env=self.env,
            input=typed,
            capture_output=True,
            text=True,
            start_new_session=True,  # without a terminal, questions read what is typed
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def documents(printed: str) -> list[Any]:
    """Return the JSON documents that were printed one after the other."""
    decoder, found, at = json.JSONDecoder(), [], 0
    while at < len(printed.rstrip()):
        document, at = decoder.raw_decode(printed, at)
        found.append(document)
        at += len(printed[at:]) - len(printed[at:].lstrip())
    return found


def walk(up: Up, data: Path, mail: MailServer) -> None:
    """Run the README's commands as they stand, then book the new practice and read its emails."""
    newcomer = Newcomer(up, data)
    search, book, create, set_up = commands()

    profile, found = documents(newcomer.run(search))
    assert profile["username"] == "demo"
    start = found["slots"][0]["start"]
    (booking,) = documents(newcomer.run(re.sub("START=.*", f"START={start}", book)))
    assert booking["status"] == "confirmed"
    until(lambda: mail.to("jane@example.com"))

    assert "Created account" in newcomer.run(create, f"{PASSWORD}\n{PASSWORD}\n")
    service, hours = documents(newcomer.run(set_up, f"{PASSWORD}\n").removeprefix("\n"))
    assert (service["slug"], len(hours["blocks"])) == ("first-visit", 2)

    ada = f"{up.url}/api/v1/providers/ada"
    answer = requests.get(f"{ada}/slots/next?service=first-visit&mode=in_person", timeout=60)
    client = {"name": "Jo", "email": "jo@example.com", "timezone": "America/New_York"}
    first = answer.json()["slots"][0]["start"]
    wanted = {"service": "first-visit", "mode": "in_person", "start": first, "client": client}
    assert requests.post(f"{ada}/bookings", json=wanted, timeout=60).status_code == 201
    until(lambda: mail.to("jo@example.com") and mail.to("ada@example.com"))
    (confirmation,) = mail.to("jo@example.com")
    assert confirmation["From"].addresses[0].addr_spec == SENDER
    assert confirmation["Reply-To"].addresses[0].addr_spec == "desk@example.com"
