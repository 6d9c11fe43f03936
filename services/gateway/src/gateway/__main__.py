"""python -m gateway: gunicorn with threads, the application made in each worker."""

from pathlib import Path
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from common import telemetry
from common.local import GATEWAY
from gateway.app import close, create_app
from gateway.settings import Settings

_MEMORY = Path("/dev/shm")  # noqa: S108  # gunicorn makes its own files in it, and unlinks them
_GRACE = 25  # seconds for running requests at shutdown


class Log(Logger):  # type: ignore[misc]  # gunicorn ships no types
    """gunicorn's messages among ours, as JSON."""

    def setup(self, cfg: Any) -> None:
        self.cfg = cfg
        self._access_log_enabled = False
        self.error_log.propagate = True


class Server(BaseApplication):  # type: ignore[misc]  # gunicorn ships no types
    """gunicorn, configured by our settings."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        settings = self._settings
        options: dict[str, Any] = {
            "bind": settings.listen,
            "workers": settings.web_workers,
            "threads": settings.web_threads,
            "worker_class": "gthread",
            "proc_name": "attune-gateway",
            "logger_class": Log,
            "graceful_timeout": _GRACE,
            "timeout": 60,
            "keepalive": 75,
            "limit_request_line": 8190,
            "limit_request_fields": 60,
            # It would be written to the home folder, which need not be writable.
            "control_socket_disable": True,
            # Heartbeats must not wait for a disk.
            "worker_tmp_dir": str(_MEMORY) if _MEMORY.is_dir() else None,
            "worker_exit": _worker_exit,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """The application, after the fork: channels, connections and telemetry do not survive
        one."""
        telemetry.configure(GATEWAY)
        return create_app(self._settings)


def _worker_exit(_server: Any, worker: Any) -> None:
    if worker.app.callable is not None:
        close(worker.app.callable)
    telemetry.shutdown()


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    telemetry.configure(GATEWAY)
    Server(Settings.from_env()).run()


if __name__ == "__main__":
    main()
