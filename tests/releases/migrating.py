"""Databases with the schema of an earlier release."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

_DRIVER = """
import json, os, sys
from importlib.metadata import distributions

(attune,) = [
    entry.load()
    for distribution in distributions(path=[sys.argv[1]])
    for entry in distribution.entry_points.select(group="console_scripts", name="attune")
]
for arguments, environment in json.load(sys.stdin):
    os.environ.update(environment)
    attune(arguments, standalone_mode=False)
"""


def attune(installed: Path, *calls: tuple[list[str], Mapping[str, str]]) -> str:
    """Run the `attune` command of an installed release, all calls in one process.

    A call is the command's arguments and variables, which later calls keep. Returns the output.
    """
    done = subprocess.run(
        [sys.executable, "-c", _DRIVER, installed],
        input=json.dumps(calls),
        env={**os.environ, "PYTHONPATH": str(installed)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def migration(
    service: str, owner_url: str, role: str, blind_index_key: str
) -> tuple[list[str], Mapping[str, str]]:
    """Return the call that migrates one database."""
    return ["migrate", service], {
        "OWNER_DATABASE_URL": owner_url,
        "DATABASE_ROLE": role,
        "BLIND_INDEX_KEY": blind_index_key,
    }
