"""Health of the gateway."""

from typing import Literal

from gateway.openapi.types import Answer


class Alive(Answer):
    """The gateway process is running."""

    example = {"status": "ok"}

    status: Literal["ok"]


class Ready(Answer):
    """The readiness of the gateway, and the state of each dependency."""

    example = {"status": "ok", "dependencies": {"database": "ok", "booking": "ok"}}

    status: Literal["ok", "unavailable"]
    dependencies: dict[str, Literal["ok", "unavailable"]]
