"""The settings of telehealth-rooms, read from the environment."""

from dataclasses import dataclass

from common.config import ServiceSettings


@dataclass(frozen=True, kw_only=True)
class Settings(ServiceSettings):
    """The settings of telehealth-rooms besides those of every service."""

    booking_target: str
    # Links work from this many minutes before the planned start …
    room_opens_minutes_before: int = 15
    # … to this many after the planned end.
    room_closes_minutes_after: int = 60
