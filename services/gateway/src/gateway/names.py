"""The words of the API for the enumerations of the messages: `MODE_IN_PERSON` is `in_person`."""

from typing import Any

from attune.availability.v1 import availability_pb2 as availability
from attune.billing.v1 import billable_service_pb2 as billing
from attune.booking.v1 import booking_pb2 as booking
from attune.common.v1 import types_pb2 as types

# Fields of the messages that the API calls otherwise, and messages that it does not wrap.
_FIELDS = {
    "start_time": "start",
    "hold_id": "hold",
    "first_minute": "from",
    "end_minute": "to",
    "from_time": "from",
    "to_time": "to",
    "from_date": "from",
    "provider_id": "provider",
    "client_id": "client",
    "statuses": "status",
    "page_size": "limit",
    "page_token": "cursor",
    "room_id": "place",
    "currency_code": "currency",
}
_WRAPPERS = frozenset({"service_type", "hours", "override", "physical_room"})


def field(path: str) -> str:
    """A field as the API calls it: `hours.blocks[3].room_id` is `blocks[3].place`."""
    parts = path.split(".")
    if parts[0] in _WRAPPERS and len(parts) > 1:
        del parts[0]
    return ".".join(_FIELDS.get(part, part) for part in parts)


class Names:
    """The words of one enumeration."""

    def __init__(self, enumeration: Any) -> None:
        numbers: dict[str, int] = dict(enumeration.items())
        unset = next(name for name, number in numbers.items() if number == 0)
        prefix = unset.removesuffix("UNSPECIFIED")
        self._words = {n: name.removeprefix(prefix).lower() for name, n in numbers.items() if n}
        self._numbers = {word: number for number, word in self._words.items()}

    def word(self, number: int) -> Any:
        """The word of a value; None where it is unset, or newer than this gateway."""
        return self._words.get(number)

    def number(self, word: str | None) -> Any:
        """The value of a word; unset for None."""
        return self._numbers[word] if word is not None else 0


MODES = Names(types.Mode)
CLIENT_STATUSES = Names(types.ClientStatus)
STATUSES = Names(booking.BookingStatus)
PAYMENT_STATUSES = Names(booking.PaymentStatus)
BILLING_TYPES = Names(booking.BillingType)
CANCELLED_BY = Names(booking.CancelledBy)
CANCELLATION_REASONS = Names(booking.CancellationReason)
CONFIRMATIONS = Names(availability.Confirmation)
CLIENT_CANCELLATIONS = Names(availability.ClientCancellation)
BILLABLE_KINDS = Names(billing.BillableKind)
