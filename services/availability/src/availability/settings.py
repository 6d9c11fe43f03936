"""The settings of availability, read from the environment."""

from dataclasses import dataclass

from common.config import ServiceSettings


@dataclass(frozen=True, kw_only=True)
class Settings(ServiceSettings):
    """The settings of availability besides those of every service."""

    booking_target: str
    # How many providers are kept in memory, and about how much of it they may take.
    cache_providers: int = 20_000
    cache_megabytes: int = 1024
