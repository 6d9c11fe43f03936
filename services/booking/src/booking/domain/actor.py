"""Who changes a booking, as its history names them (spec BK-8)."""

from dataclasses import dataclass
from enum import StrEnum


class ActorKind(StrEnum):
    """The side of an actor."""

    CLIENT = "client"
    PRACTICE = "practice"
    SYSTEM = "system"


@dataclass(frozen=True)
class Actor:
    """The person or system that changes a booking. `id` is the client's or the account's; the
    system has none."""

    kind: ActorKind
    id: str = ""


CLIENT_OF_BOOKING = Actor(ActorKind.CLIENT)
"""The client for whom a booking is made, whose id is known once the client is found or added."""
SYSTEM = Actor(ActorKind.SYSTEM)
