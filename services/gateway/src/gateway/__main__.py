"""python -m gateway: gunicorn with threads; each worker makes the application."""

from pathlib import Path
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from common import logs, telemetry
from common.db import encryption, reencryption
from common.rpc import tls
from common.services import GATEWAY
from gateway.app import close, create_app
from gateway.settings import Settings
from gateway.web import connections, load_shedding

_MEMORY = Path("/dev/shm")  # noqa: S108  # gunicorn makes its files there, and unlinks them
_GRACE = 25  # seconds for running requests at shutdown


class Log(Logger):  # type: ignore[misc]  # gunicorn ships no types
    """gunicorn's messages in our log, as JSON."""

    def setup(self, cfg: Any) -> None:
        self.cfg = cfg
        self._access_log_enabled = False
        self.error_log.propagate = True


class Server(BaseApplication):  # type: ignore[misc]  # gunicorn ships no types
    """gunicorn, configured from our settings."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.seconds = settings.request_seconds
        self.head_seconds = settings.head_seconds
        self.proxies = settings.proxies
        super().__init__()

    def load_config(self) -> None:
        settings = self._settings
        options: dict[str, Any] = {
            "bind": settings.listen,
            "workers": settings.web_workers,
            "threads": settings.web_threads * load_shedding.THREADS_PER_REQUEST,
            "worker_class": connections.Worker,
            "worker_connections": connections.MOST,
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
        telemetry.configure(
            GATEWAY, self._settings.otel_exporter_otlp_endpoint, self._settings.log_level
        )
        app = create_app(self._settings)
        reencryption.watch(app.extensions["database"])
        return app


def _worker_exit(_server: Any, worker: Any) -> None:
    if worker.app.callable is not None:
        close(worker.app.callable)
    telemetry.shutdown()


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    settings = Settings.from_env()
    logs.configure(GATEWAY, settings.log_level)
    # Check the keys before the fork: a worker that fails would be started again and again.
    encryption.KeyRing(settings.encryption_keys, settings.blind_index_key)
    tls.certificates(settings.tls_folder)
    Server(settings).run()


if __name__ == "__main__":
    main()
