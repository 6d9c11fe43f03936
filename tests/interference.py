"""An HTTP proxy in front of a gateway, which answers some requests instead of it."""

import http.server
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Answer = tuple[int, dict[str, str], bytes]
"""Status, headers, and body."""
Interference = Callable[[str, Callable[[], Answer]], Answer | None]
"""Gets a request, as method and last part of the path (`POST holds`), and a function that forwards
it. Returns the answer, or None to close the connection without one."""


class _Proxy(http.server.ThreadingHTTPServer):
    """Forwards requests to a gateway. `interfere` sees each request first, and may answer it."""

    daemon_threads = True

    def __init__(self, gateway: str, interfere: Interference) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.gateway = gateway
        self.interfere = interfere

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Proxy

    def _forward(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.asked = f"{self.command} {self.path.partition('?')[0].rpartition('/')[2]}"
        answer = self.server.interfere(self.asked, lambda: self._ask(content))
        if answer is None:
            self.connection.close()
            return
        status, headers, body = answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_DELETE = _forward  # noqa: N815  # the library's names

    def _ask(self, content: bytes) -> Answer:
        sent = {k: v for k, v in self.headers.items() if k not in ("Host", "Content-Length")}
        asked = urllib.request.Request(  # noqa: S310  # the test's own gateway
            f"{self.server.gateway}{self.path}", content or None, sent, method=self.command
        )
        try:
            with urllib.request.urlopen(asked, timeout=60) as answer:  # noqa: S310
                return answer.status, {"Content-Type": "application/json"}, answer.read()
        except urllib.error.HTTPError as answer:
            return answer.code, {"Content-Type": "application/json"}, answer.read()

    def log_message(self, *arguments: object) -> None:
        pass


@contextmanager
def between(gateway: str, interfere: Interference) -> Iterator[str]:
    """Run a proxy in front of the gateway during the block, and yield its URL."""
    proxy = _Proxy(gateway, interfere)
    thread = threading.Thread(target=proxy.serve_forever, daemon=True)
    thread.start()
    try:
        yield proxy.url
    finally:
        proxy.shutdown()
        proxy.server_close()


def once(wanted: str, instead: Callable[[Callable[[], Answer]], Answer | None]) -> Interference:
    """Return what interferes with the first request that is `wanted`, such as `POST holds`."""
    told: list[str] = []

    def interfere(asked: str, forward: Callable[[], Answer]) -> Answer | None:
        if asked == wanted and not told:
            told.append(asked)
            return instead(forward)
        return forward()

    return interfere


def refusal(status: int, reason: str, **headers: str) -> Answer:
    """Return the answer that refuses a request for a reason."""
    return status, headers, json.dumps({"status": status, "reason": reason}).encode()
