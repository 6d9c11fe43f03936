"""The services that provide the contents of a notice."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TypeVar
from uuid import UUID

from attune.availability.v1.provider_service_pb2 import GetProviderResponse
from attune.booking.v1.booking_pb2 import Booking
from attune.telehealth_rooms.v1.room_service_pb2 import GetRoomResponse
from common.errors import DomainError
from notifications.adapters.availability import Providers
from notifications.adapters.booking import Bookings
from notifications.adapters.telehealth_rooms import Rooms

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Peers:
    """One adapter for each service."""

    bookings: Bookings
    providers: Providers
    rooms: Rooms


class Answers:
    """The answers of the other services about one booking. Each service is called when its answer
    is first needed, and only once, even if the call fails."""

    def __init__(self, peers: Peers, practice_id: UUID, booking_id: UUID) -> None:
        def get_booking() -> Booking:
            return peers.bookings.get(practice_id, booking_id)

        def get_provider() -> GetProviderResponse:
            return peers.providers.get(practice_id, self.booking().provider_id)

        def get_room() -> GetRoomResponse:
            return peers.rooms.get(practice_id, booking_id)

        self.booking = _once(get_booking)
        self.provider = _once(get_provider)
        self.room = _once(get_room)


def _once(ask: Callable[[], Answer]) -> Callable[[], Answer]:
    """Return a function that asks the first time, and then repeats the answer or the failure."""

    @cache
    def outcome() -> Answer | DomainError:
        try:
            return ask()
        except DomainError as error:
            return error

    def answer() -> Answer:
        found = outcome()
        if isinstance(found, DomainError):
            raise found
        return found

    return answer
