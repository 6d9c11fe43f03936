"""Runs the programs that tests use: npm packages with the locked Node, and Python's."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.ecosystem.install import NODE

HERE = Path(__file__).parent
PACKAGES = HERE / "node_modules"
_BIN = Path(sys.executable).parent


def run(*command: str | Path, succeeds: bool = True, **options: Any) -> str:
    """Run a program and return what it prints.

    Fails, with all of that, if the program fails; or, with `succeeds=False`, if it does not.
    """
    done: subprocess.CompletedProcess[str] = subprocess.run(
        list(map(str, command)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        **options,
    )
    assert (done.returncode == 0) is succeeds, f"{command[:3]}:\n{done.stdout[-8000:]}"
    return done.stdout


def node(script: str | Path, *arguments: str | Path, **options: Any) -> str:
    """Return what a script prints: one of ours, or of a package that `make setup` installs."""
    path = PACKAGES / script
    assert path.exists(), f"{path} is missing: run make setup"
    return run(NODE / "bin" / "node", path, *arguments, **options)


def python(script: Path, *arguments: str, packages: Path) -> str:
    """Return what a Python script prints that also imports the packages in a folder."""
    env = {**os.environ, "PYTHONPATH": str(packages)}
    return run(sys.executable, script, *arguments, env=env)


def tool(name: str, *arguments: str | Path, **options: Any) -> str:
    """Return what a command prints that a Python package has installed."""
    return run(_BIN / name, *arguments, **options)
