"""The settings of booking, read from the environment."""

from dataclasses import dataclass

from common.config import ServiceSettings


@dataclass(frozen=True, kw_only=True)
class Settings(ServiceSettings):
    """The settings of booking besides those of every service."""

    availability_target: str
