"""The commands of "Getting started" in the API reference work exactly as written."""

import html
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.world import World, token_of

SECTION = re.compile(
    r'<section class="chapter" aria-labelledby="getting-started">(.*?)</section>', re.S
)
COMMANDS = re.compile(r'<code class="language-sh">(.*?)</code>', re.S)
ASSIGNMENT = re.compile(r"^(\w+)=", re.M)


def run(command: str, variables: dict[str, str]) -> Any:
    """Run a command as a reader would, and return the JSON that it prints."""
    shell = ["/bin/sh", "-eu", "-c", command]
    env = {"PATH": os.environ["PATH"], **variables}
    done = subprocess.run(shell, env=env, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def last_start(found: Any) -> str:
    """Return the last open slot, days ahead."""
    return str([slot["start"] for day in found["days"] for slot in day["slots"]][-1])


@pytest.mark.req("GW-1")
@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_the_commands_book_and_cancel(world: World) -> None:
    service = {"slug": "therapy-session", "title": "Therapy session", "duration_minutes": 50}
    world.owner.post("/service-types", {**service, "modes": ["telehealth"]}, status=201)
    page = requests.get(f"{world.stack.url}/api/docs", timeout=60).text
    section = SECTION.search(page)
    assert section
    variables = {"ATTUNE": world.stack.url, "PROVIDER": world.username, "VISITOR": "x" * 16}
    answers: list[Any] = []
    # What a reader takes from the answer before, by the name of the variable.
    values: dict[str, Callable[[Any], str]] = {
        "START": last_start,
        "HOLD": lambda answer: answer["hold"],
        "BOOKING": lambda answer: answer["id"],
        "TOKEN": lambda answer: token_of(answer["manage_url"]),
    }
    for block in map(html.unescape, COMMANDS.findall(section[1])):
        if "curl" in block:
            answers.append(run(block, variables))
            continue
        names = ASSIGNMENT.findall(block)
        assert names, block
        variables |= {name: values[name](answers[-1]) for name in names if name in values}
        assert set(names) <= set(variables)
    profile, found, hold, booking, read, cancelled = answers
    assert profile["username"] == world.username
    assert [hold["start"], booking["start"]] == [last_start(found)] * 2
    assert read["id"] == booking["id"]
    assert cancelled["status"] == "cancelled"
