"""Search, hold, book, and cancel with the client that OpenAPI Generator generates for Python.

Arguments: the address of Attune, and a provider's username.
"""

import json
import sys

from attune_urllib3 import ApiClient, Configuration
from attune_urllib3.api.bookings_api import BookingsApi
from attune_urllib3.api.providers_api import ProvidersApi
from attune_urllib3.models import Cancellation, ClientDetails, NewBooking, NewHold

url, username = sys.argv[1:]
visitor = "a-visitor-of-urllib3"
client = ApiClient(Configuration(host=url))
providers, bookings = ProvidersApi(client), BookingsApi(client)

found = providers.list_slots(username, "session", "telehealth", tz="Europe/Berlin")
start = [slot.start for day in found.days for slot in day.slots][-2]

hold = bookings.create_hold(
    username,
    NewHold(service="session", mode="telehealth", start=start),
    x_visitor_id=visitor,
)
booking = bookings.create_booking(
    username,
    NewBooking(
        service="session",
        mode="telehealth",
        start=start,
        client=ClientDetails(
            name="Jane Roe", email="jane.urllib3@mail.example", timezone="Europe/Berlin"
        ),
        hold=hold.hold,
    ),
    x_visitor_id=visitor,
    idempotency_key="a-key-of-urllib3",
)

token = booking.manage_url.rpartition("/")[2]
as_client = Configuration(host=url, api_key={"manage_token": token})
cancelled = BookingsApi(ApiClient(as_client)).cancel_booking(
    booking.id, cancellation=Cancellation(reason_text="I cannot come.")
)
print(json.dumps([booking.status, cancelled.status, booking.start == start]))
