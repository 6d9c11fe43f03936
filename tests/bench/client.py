"""An HTTP client that costs less than any server that it calls: prepared requests on persistent
connections.

`python -m tests.bench.client` is the load generator, a process of its own. It imports only the
standard library, so it starts quickly.
"""

import itertools
import json
import re
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_CHUNK = 64 * 1024
_WARM_UP = 0.3  # seconds before anything is counted


class Answer(NamedTuple):
    """A response."""

    status: int
    body: bytes


class Connection:
    """A connection to a port of this machine, which carries one request after the other."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = b""
        self._body, self._end = 0, 0  # where they are in what is received, once the head is here

    def fileno(self) -> int:
        """Return the socket's descriptor, for selectors."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def send(self, request: bytes) -> None:
        """Send a request; the answer is read by `receive`."""
        self._socket.sendall(request)

    def receive(self) -> Answer | None:
        """Read once from the socket; return the answer when it is complete."""
        chunk = self._socket.recv(_CHUNK)
        if not chunk:
            raise ConnectionError("the server closed the connection")
        self._received += chunk
        if not self._end:
            head = self._received.find(b"\r\n\r\n")
            if head < 0:
                return None
            length = _LENGTH.search(self._received, 0, head + 2)
            if not length:
                raise ValueError("the answer does not tell its length")
            self._body, self._end = head + 4, head + 4 + int(length[1])
        if len(self._received) < self._end:
            return None
        answer = Answer(int(self._received[9:12]), self._received[self._body :])
        self._received, self._end = b"", 0
        return answer

    def ask(self, request: bytes) -> Answer:
        """Send a request and wait for its answer."""
        self.send(request)
        while True:
            if answer := self.receive():
                return answer


class Load(NamedTuple):
    """The result of a load: responses a second, and the client's CPU time for each."""

    per_second: float
    client_seconds: float


def get(path: str) -> bytes:
    """Return a GET request as its bytes."""
    return _request("GET", path, {"Accept": "application/json"})


def post(path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    """Return a POST request of JSON as its bytes."""
    sent = {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}
    return _request("POST", path, sent) + body


def load(port: int, paths: Sequence[str], connections: int, seconds: float) -> Load:
    """Ask for the paths in turn from another process, one request in flight on each connection.

    Raises CalledProcessError unless every answer is a 200.
    """
    order = {"port": port, "paths": paths, "connections": connections, "seconds": seconds}
    done = subprocess.run(
        [sys.executable, "-m", __name__],
        input=json.dumps(order),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return Load(**json.loads(done.stdout))


def _request(method: str, path: str, headers: Mapping[str, str]) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "User-Agent: attune-bench"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _generate(port: int, paths: Sequence[str], connections: int, seconds: float) -> Load:
    requests = itertools.cycle([get(path) for path in paths])
    with selectors.DefaultSelector() as selector:
        for _ in range(connections):
            connection = Connection(port)
            selector.register(connection, selectors.EVENT_READ)
            connection.send(next(requests))
        _exchange(selector, requests, _WARM_UP)
        began, cpu = time.perf_counter(), time.process_time()
        count = _exchange(selector, requests, seconds)
        took = time.perf_counter() - began
        return Load(count / took, (time.process_time() - cpu) / count)


def _exchange(selector: selectors.BaseSelector, requests: Iterator[bytes], seconds: float) -> int:
    """Follow every answer with the next request, for so long; return the number of answers."""
    count, end = 0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        for key, _ in selector.select(1):
            connection = key.fileobj
            assert isinstance(connection, Connection)
            if answer := connection.receive():
                if answer.status != 200:
                    raise SystemExit(f"{answer.status}: {answer.body.decode(errors='replace')}")
                count += 1
                connection.send(next(requests))
    return count


if __name__ == "__main__":
    made = _generate(**json.load(sys.stdin))
    json.dump(made._asdict(), sys.stdout)
