"""Search, hold, book, and cancel with the client that openapi-python-client generates.

Arguments: the address of Attune, and a provider's username.
"""

import json
import sys

from attune_httpx import AuthenticatedClient, Client
from attune_httpx.api.bookings import cancel_booking, create_booking, create_hold
from attune_httpx.api.providers import list_slots
from attune_httpx.models import (
    Booking,
    Cancellation,
    ClientDetails,
    Hold,
    ListSlotsMode,
    NewBooking,
    NewBookingMode,
    NewHold,
    NewHoldMode,
    Slots,
)

url, username = sys.argv[1:]
visitor = "a-visitor-of-attrs"
client = Client(base_url=url)

found = list_slots.sync(
    username, client=client, service="session", mode=ListSlotsMode.TELEHEALTH, tz="Europe/Berlin"
)
assert isinstance(found, Slots), found
start = [slot.start for day in found.days for slot in day.slots][-1]

hold = create_hold.sync(
    username,
    client=client,
    body=NewHold(service="session", mode=NewHoldMode.TELEHEALTH, start=start),
    x_visitor_id=visitor,
)
assert isinstance(hold, Hold), hold

booking = create_booking.sync(
    username,
    client=client,
    body=NewBooking(
        service="session",
        mode=NewBookingMode.TELEHEALTH,
        start=start,
        client=ClientDetails(
            name="Jane Roe", email="jane.attrs@mail.example", timezone="Europe/Berlin"
        ),
        hold=hold.hold,
    ),
    x_visitor_id=visitor,
    idempotency_key="a-key-of-attrs",
)
assert isinstance(booking, Booking), booking
assert isinstance(booking.manage_url, str)

token = booking.manage_url.rpartition("/")[2]
cancelled = cancel_booking.sync(
    booking.id,
    client=AuthenticatedClient(base_url=url, token=token, prefix="Manage"),
    body=Cancellation(reason_text="I cannot come."),
)
assert isinstance(cancelled, Booking), cancelled
print(json.dumps([booking.status, cancelled.status, booking.start == start]))
