"""Readiness of the gateway.

Its database, availability, and booking decide. Other services cost only their own feature when
they are unavailable, and are merely shown.
"""

import threading
import time
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from common.db import schema
from common.db.database import Database
from common.resilience import deadline
from common.rpc import channels, server
from common.rpc.tls import Certificates

OK, UNAVAILABLE = "ok", "unavailable"
_REQUIRED = ("database", "availability", "booking")
_TIMEOUT = 0.5  # seconds for all dependencies together
_KEPT = 1.0  # seconds


class Readiness:
    """Checks each dependency, at most once a second in a process."""

    def __init__(
        self, database: Database, targets: dict[str, str], certificates: Certificates | None
    ) -> None:
        self._database = database
        # They share the connections of the stubs (same options), without an identity: health
        # checks are open to anybody.
        self._channels = {
            name: channels.connection(target, certificates) for name, target in targets.items()
        }
        self._lock = threading.Lock()
        self._states: dict[str, str] = {}
        self._checked = 0.0

    def states(self) -> dict[str, str]:
        """Return OK or UNAVAILABLE for each dependency."""
        with self._lock:
            if time.monotonic() - self._checked > _KEPT:
                self._states = self._check()
                self._checked = time.monotonic()
            return dict(self._states)

    def close(self) -> None:
        for channel in self._channels.values():
            channel.close()

    def _check(self) -> dict[str, str]:
        request = health_pb2.HealthCheckRequest(service=server.READINESS)
        calls = {
            name: _stub(channel).Check.future(request, timeout=_TIMEOUT)
            for name, channel in self._channels.items()
        }
        states = {"database": OK if self._database_is_ready() else UNAVAILABLE}
        for name, call in calls.items():
            states[name] = OK if _is_serving(call) else UNAVAILABLE
        return states

    def _database_is_ready(self) -> bool:
        try:
            with deadline.within(_TIMEOUT):
                return schema.is_ready("gateway", self._database)
        except Exception:  # whatever failed, the database is not ready
            return False


def is_ready(states: dict[str, str]) -> bool:
    """Return whether every required dependency is available."""
    return all(states[name] == OK for name in _REQUIRED)


def _stub(channel: grpc.Channel) -> Any:
    return health_pb2_grpc.HealthStub(channel)


def _is_serving(call: Any) -> bool:
    try:
        return bool(call.result().status == health_pb2.HealthCheckResponse.SERVING)
    except grpc.RpcError:
        return False
