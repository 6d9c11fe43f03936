"""Whether the gateway can do its work: its database, availability and booking decide; what costs
only its own feature is shown."""

import threading
import time
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from common.db import schema
from common.db.database import Database
from common.resilience import deadline
from common.rpc import channels, server

OK, AWAY = "ok", "unavailable"
_NEEDED = ("database", "availability", "booking")
_PATIENCE = 0.5  # seconds for all of them together
_KEPT = 1.0  # seconds


class Readiness:
    """Asks each dependency, at most once a second in a process."""

    def __init__(self, database: Database, targets: dict[str, str]) -> None:
        self._database = database
        # The very connections that the stubs use, without identity: health is for everybody.
        self._channels = {
            name: grpc.insecure_channel(to, options=channels.OPTIONS)
            for name, to in targets.items()
        }
        self._stubs: dict[str, Any] = {
            name: health_pb2_grpc.HealthStub(channel) for name, channel in self._channels.items()
        }
        self._lock = threading.Lock()
        self._states: dict[str, str] = {}
        self._asked = 0.0

    def states(self) -> dict[str, str]:
        """The state of each dependency."""
        with self._lock:
            if time.monotonic() - self._asked > _KEPT:
                self._states = self._ask()
                self._asked = time.monotonic()
            return dict(self._states)

    def close(self) -> None:
        for channel in self._channels.values():
            channel.close()

    def _ask(self) -> dict[str, str]:
        request = health_pb2.HealthCheckRequest(service=server.READINESS)
        calls = {
            name: stub.Check.future(request, timeout=_PATIENCE)
            for name, stub in self._stubs.items()
        }
        states = {"database": OK if self._database_is_ready() else AWAY}
        for name, call in calls.items():
            states[name] = OK if _serves(call) else AWAY
        return states

    def _database_is_ready(self) -> bool:
        try:
            with deadline.within(_PATIENCE):
                return schema.is_ready("gateway", self._database)
        except Exception:  # whatever it was, it is not ready
            return False


def is_ready(states: dict[str, str]) -> bool:
    """Whether what is needed for any work is there."""
    return all(states[name] == OK for name in _NEEDED)


def _serves(call: Any) -> bool:
    try:
        return bool(call.result().status == health_pb2.HealthCheckResponse.SERVING)
    except grpc.RpcError:
        return False
