"""The yardstick of P2 and P11: one plain Flask route behind the gateway's own gunicorn."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from flask import Flask

from attune_local.servers import free_port, spawn, stop
from attune_local.stack import Stack
from common import logs
from common.services import GATEWAY
from gateway.__main__ import Server
from gateway.settings import Settings
from tests.bench.client import Connection, get

PATH = "/"
_STARTUP = 60  # seconds


class HelloServer(Server):
    """The gateway's gunicorn: its worker class, threads and processes, with another app."""

    def load_config(self) -> None:
        """Take the gateway's options, but for the hook that closes the gateway's app."""
        super().load_config()
        self.cfg.set("worker_exit", lambda _server, _worker: None)

    def load(self) -> Any:
        """Return the app: Flask and nothing else."""
        app = Flask("hello")
        app.add_url_rule(PATH, "hello", lambda: "Hello, World!")
        return app


@dataclass(frozen=True)
class Hello:
    """The running server."""

    port: int
    process: "subprocess.Popen[bytes]"


@contextlib.contextmanager
def running(stack: Stack) -> Iterator[Hello]:
    """Run the server with the settings of the stack's gateway, on a port of its own."""
    port = free_port()
    env = {**os.environ, **stack.environment(GATEWAY, port)}
    with (stack.folder / "logs" / "hello.log").open("ab") as output:
        process = spawn([sys.executable, "-m", __name__], env=env, output=output)
    try:
        _await(port)
        yield Hello(port, process)
    finally:
        stop(process, signal.SIGTERM, 15)


def _await(port: int) -> None:
    end = time.monotonic() + _STARTUP
    while True:
        try:
            with contextlib.closing(Connection(port)) as connection:
                answer = connection.ask(get(PATH))
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
        else:
            assert answer.status == HTTPStatus.OK
            return


if __name__ == "__main__":
    logs.configure(GATEWAY)
    HelloServer(Settings.from_env()).run()
