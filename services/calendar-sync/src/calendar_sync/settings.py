"""The settings of calendar-sync, read from the environment."""

from dataclasses import dataclass

from common.config import ServiceSettings


@dataclass(frozen=True, kw_only=True)
class Settings(ServiceSettings):
    """The settings of calendar-sync besides those of every service."""

    booking_target: str
    availability_target: str
