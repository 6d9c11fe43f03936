"""The settings of billing, read from the environment."""

from dataclasses import dataclass

from common.config import ServiceSettings


@dataclass(frozen=True, kw_only=True)
class Settings(ServiceSettings):
    """The settings of every service; billing has no others."""
