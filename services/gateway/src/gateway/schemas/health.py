"""Health of the gateway."""

from typing import Literal

from gateway.openapi.types import Answer


class Alive(Answer):
    status: Literal["ok"]


class Ready(Answer):
    """Whether work can be done, and the state of each dependency."""

    status: Literal["ok", "unavailable"]
    dependencies: dict[str, Literal["ok", "unavailable"]]
