"""The documented commands for backup and restore, which tests run as they stand."""

import os
import re
import subprocess
import sys
from pathlib import Path

from attune_local.stack import Stack
from attune_operator.environment import DATA
from attune_operator.up import environment_of

_DOCS = Path(__file__).parents[1] / "docs" / "operations.md"
_LISTS = "DATABASES="


class Documented:
    """Runs shell blocks of docs/operations.md against a stack with a PostgreSQL of its own.

    `only` is a service to which the blocks are limited, by their lists of services and databases.
    """

    def __init__(self, stack: Stack, postgres_url: str, folder: Path, *, only: str = "") -> None:
        assert stack.postgres
        programs = (Path(sys.executable).parent, stack.postgres.program("pg_dump").parent)
        self._lists = f"SERVICES={only} DATABASES={only}" if only else commands(_LISTS)
        self._env = {
            **os.environ,
            "PATH": ":".join([*map(str, programs), os.environ["PATH"]]),
            "BACKUPS": str(folder),
            "POSTGRES_URL": postgres_url,
            DATA: str(folder),
        }
        before = os.environ.get(DATA)
        os.environ[DATA] = str(folder)
        try:
            environment_of(stack).save()
        finally:
            os.environ.pop(DATA) if before is None else os.environ.update({DATA: before})

    def run(self, part: str) -> str:
        """Run the block that has this in it, and return what it printed."""
        return self.shell(commands(part))

    def shell(self, script: str) -> str:
        """Run a script, and return what it printed."""
        ran = subprocess.run(
            ["/bin/sh", "-eu", "-c", f"{self._lists}\n{script}"],
            env=self._env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout


def commands(part: str) -> str:
    """Return the shell block of the section on backups that has this in it."""
    section = _DOCS.read_text().partition("## Backup and restore\n")[2].partition("\n## ")[0]
    blocks: list[str] = re.findall(r" *```sh\n(.*?)\n *```", section, re.DOTALL)
    [found] = [block for block in blocks if part in block]
    return found
