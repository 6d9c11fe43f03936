"""python -m gateway: gunicorn with threads; each worker makes the application."""

import contextlib
import logging
import socket
import time
from http import HTTPStatus
from pathlib import Path
from typing import Any

from gunicorn import util
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.http import errors
from gunicorn.workers.gthread import ThreadWorker

from common import logs, telemetry
from common.db import encryption, reencryption
from common.resilience.lasting import LastingThread
from common.rpc import request_context
from common.services import GATEWAY
from gateway.app import close, create_app
from gateway.settings import Settings
from gateway.web import load_shedding, middleware, problems

_MEMORY = Path("/dev/shm")  # noqa: S108  # gunicorn makes its files there, and unlinks them
_GRACE = 25  # seconds for running requests at shutdown
_TRANSFER = 5  # seconds beyond the deadline, to receive a request and to send its answer
_LINGER = 0.5  # seconds for the caller to read why its request was not parsed
_STATUSES = {
    errors.LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
    errors.LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    errors.ExpectationFailed: HTTPStatus.EXPECTATION_FAILED,
    errors.UnsupportedTransferCoding: HTTPStatus.NOT_IMPLEMENTED,
}
log = logging.getLogger("gateway.__main__")  # the module has no other name when it runs


class Log(Logger):  # type: ignore[misc]  # gunicorn ships no types
    """gunicorn's messages in our log, as JSON."""

    def setup(self, cfg: Any) -> None:
        self.cfg = cfg
        self._access_log_enabled = False
        self.error_log.propagate = True


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn ships no types
    """A gthread worker that answers unparsable requests with a problem document, and closes
    connections that send or read too slowly.

    Neither the answer nor the log quotes the request: its address may be a secret link.
    """

    def init_process(self) -> None:
        """Start the thread that ends slow requests, then serve."""
        self._begun: dict[Any, float] = {}
        LastingThread("slow", self._end_slow).start()
        super().init_process()

    def handle(self, conn: Any) -> Any:
        """Handle one request."""
        self._begun[conn] = time.monotonic()
        try:
            return super().handle(conn)
        finally:
            del self._begun[conn]

    def _end_slow(self) -> None:
        while True:
            time.sleep(1)
            late = time.monotonic() - self.app.seconds - _TRANSFER
            for conn, begun in list(self._begun.items()):
                if begun < late:
                    log.warning("a request was received, or its answer sent, too slowly")
                    with contextlib.suppress(OSError):  # the connection has closed by now
                        conn.sock.shutdown(socket.SHUT_RDWR)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer with a problem document, and close the connection."""
        if isinstance(exc, errors.ParseException):
            status = _STATUSES.get(type(exc), HTTPStatus.BAD_REQUEST)
            log.warning("a request could not be read: %s", type(exc).__name__)
        else:
            status = HTTPStatus.INTERNAL_SERVER_ERROR
            log.error("a request could not be answered", exc_info=exc)
        request_id = request_context.new_request()
        reason = (
            "INTERNAL" if status == HTTPStatus.INTERNAL_SERVER_ERROR else problems.reason_of(status)
        )
        body = problems.encode(status, reason, problems.DETAILS.get(status, ""), request_id)
        head = (
            f"HTTP/1.1 {status.value} {problems.title_of(status)}\r\n"
            f"Content-Type: {problems.CONTENT_TYPE}\r\n"
            f"Content-Length: {len(body)}\r\n"
            f"{middleware.REQUEST_ID}: {request_id}\r\n"
            "X-Content-Type-Options: nosniff\r\n"
            "Cache-Control: no-store\r\nConnection: close\r\n\r\n"
        )
        with contextlib.suppress(OSError):
            util.write_nonblock(client, head.encode() + body)
        util.close_graceful(client, timeout=_LINGER)


class Server(BaseApplication):  # type: ignore[misc]  # gunicorn ships no types
    """gunicorn, configured from our settings."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.seconds = settings.request_seconds
        super().__init__()

    def load_config(self) -> None:
        settings = self._settings
        options: dict[str, Any] = {
            "bind": settings.listen,
            "workers": settings.web_workers,
            "threads": settings.web_threads * load_shedding.THREADS_PER_REQUEST,
            "worker_class": Worker,
            "proc_name": "attune-gateway",
            "logger_class": Log,
            "graceful_timeout": _GRACE,
            "timeout": 60,
            "keepalive": 75,
            "limit_request_line": 8190,
            "limit_request_fields": 60,
            # Forwarding headers are judged in one place alone (`gateway.web.addresses`).
            "forwarded_allow_ips": "",
            # gunicorn would write it to the home folder, which need not be writable.
            "control_socket_disable": True,
            # Heartbeats must not wait for a disk.
            "worker_tmp_dir": str(_MEMORY) if _MEMORY.is_dir() else None,
            "worker_exit": _worker_exit,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Return the application, made after the fork.

        Channels, connections, and telemetry do not survive a fork.
        """
        telemetry.configure(GATEWAY)
        app = create_app(self._settings)
        reencryption.watch(app.extensions["database"])
        return app


def _worker_exit(_server: Any, worker: Any) -> None:
    if worker.app.callable is not None:
        close(worker.app.callable)
    telemetry.shutdown()


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    logs.configure(GATEWAY)
    settings = Settings.from_env()
    # Check the keys before the fork: a worker that fails would be started again and again.
    encryption.KeyRing(settings.encryption_keys, settings.blind_index_key)
    Server(settings).run()


if __name__ == "__main__":
    main()
