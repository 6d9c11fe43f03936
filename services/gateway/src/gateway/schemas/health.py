"""Health of the gateway."""

from typing import Literal

from gateway.openapi.types import Answer


class Alive(Answer):
    status: Literal["ok"]


class Ready(Answer):
    """The readiness of the gateway, and the state of each dependency."""

    status: Literal["ok", "unavailable"]
    dependencies: dict[str, Literal["ok", "unavailable"]]
