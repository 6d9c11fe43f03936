"""`attune up` as a person runs it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil


class Up:
    """One run of `attune up`, and what it printed until it was up."""

    def __init__(self, data: Path, port: int, **variables: str) -> None:
        env = {**os.environ, "ATTUNE_DATA": str(data), "ATTUNE_PORT": str(port), **variables}
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

    def end(self, number: int = signal.SIGTERM) -> int:
        """Stop it with a signal and return its exit code."""
        self.process.send_signal(number)
        assert self.process.stdout
        self.process.stdout.read()
        self.process.stdout.close()
        return self.process.wait(60)
