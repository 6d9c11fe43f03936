"""Lists of bookings for the console: what waits for a response, the newest first, and counts."""

from collections.abc import Callable, Mapping
from datetime import timedelta

import pytest

from attune.availability.v1.availability_pb2 import (
    CLIENT_CANCELLATION_ALLOWED,
    CLIENT_CANCELLATION_APPROVAL,
    CLIENT_CANCELLATION_NOT_ALLOWED,
)
from attune.booking.v1 import booking_service_pb2 as pb
from attune.booking.v1.booking_pb2 import (
    BOOKING_STATUS_CONFIRMED,
    CANCELLATION_REASON_OTHER,
    Booking,
)
from attune_testing.identities import client, staff
from common import ids
from common.rpc.identity import Identity, acting_as
from services.booking.tests.booking_world import NINE, Running, resource, slot, terms

HOUR = timedelta(hours=1)

Step = Callable[[Running, Identity, Booking], object]


def by_staff(name: str, **fields: object) -> Step:
    def step(service: Running, owner: Identity, made: Booking) -> object:
        request = getattr(pb, f"{name}Request")(booking_id=made.booking_id, **fields)
        with acting_as(owner):
            return getattr(service.rpc, name)(request)

    return step


def ask_to_cancel(service: Running, owner: Identity, made: Booking) -> object:
    own = client(made.practice_id, made.client.client_id, made.booking_id)
    with acting_as(own):
        return service.rpc.CancelBooking(pb.CancelBookingRequest(booking_id=made.booking_id))


def go_past(service: Running, owner: Identity, made: Booking) -> None:
    service.clock.advance(NINE + 8 * HOUR - service.clock.now())


CONFIRM = by_staff("ConfirmBooking")
# What happened to a request, and whether it waits for the practice's response then.
WAITING: Mapping[str, tuple[list[Step], bool]] = {
    "requested": ([], True),
    "confirmed": ([CONFIRM], False),
    "declined": ([by_staff("DeclineBooking")], False),
    "withdrawn": ([ask_to_cancel], False),
    "past its start, not expired yet": ([go_past], False),
    "asked to cancel": ([CONFIRM, ask_to_cancel], True),
    "asked to cancel, past its start": ([CONFIRM, ask_to_cancel, go_past], True),
    "asked to cancel, and kept": (
        [CONFIRM, ask_to_cancel, by_staff("DeclineCancellation")],
        False,
    ),
    "asked to cancel, and canceled": (
        [CONFIRM, ask_to_cancel, by_staff("CancelBooking", reason=CANCELLATION_REASON_OTHER)],
        False,
    ),
    "asked to cancel, and completed": (
        [CONFIRM, ask_to_cancel, go_past, by_staff("CompleteBooking")],
        False,
    ),
}


@pytest.mark.req("BK-10", "CN-3")
@pytest.mark.parametrize("name", WAITING)
def test_what_waits_for_a_response(alone: Running, name: str) -> None:
    practice, provider = ids.new(), resource()
    owner = staff(practice)
    where = terms(practice, provider, approval=True, cancellation=CLIENT_CANCELLATION_APPROVAL)
    made = alone.book(slot(where, NINE + 7 * HOUR))
    steps, waits = WAITING[name]
    for step in steps:
        step(alone, owner, made)
    with acting_as(owner):
        found = alone.rpc.ListBookings(pb.ListBookingsRequest(needs_response=True, count=True))
    assert [b.booking_id for b in found.bookings] == [made.booking_id] * waits
    assert found.total_count == int(waits)


@pytest.mark.req("GW-3", "VW-1")
def test_the_newest_come_first_in_pages_and_are_counted(alone: Running) -> None:
    practice, provider = ids.new(), resource()
    where = terms(practice, provider)
    made = [alone.book(slot(where, NINE + n * HOUR)).booking_id for n in range(5)]
    seen, token = [], ""
    with acting_as(staff(practice)):
        while True:
            request = pb.ListBookingsRequest(
                newest_first=True, count=True, page_size=2, page_token=token
            )
            found = alone.rpc.ListBookings(request)
            seen.append([b.booking_id for b in found.bookings])
            assert found.total_count == 5
            if not (token := found.next_page_token):
                break
        none = alone.rpc.ListBookings(pb.ListBookingsRequest())
        other = alone.rpc.ListBookings(
            pb.ListBookingsRequest(count=True, provider_id=str(ids.new()))
        )
    assert seen == [[made[4], made[3]], [made[2], made[1]], [made[0]]]
    assert (none.total_count, other.total_count) == (0, 0)


@pytest.mark.req("BK-6", "CN-2")
@pytest.mark.parametrize(
    ("policy", "approval", "expected"),
    [
        (CLIENT_CANCELLATION_APPROVAL, False, True),
        (CLIENT_CANCELLATION_ALLOWED, False, False),
        (CLIENT_CANCELLATION_NOT_ALLOWED, False, False),
        (CLIENT_CANCELLATION_APPROVAL, True, False),  # a request can be withdrawn
        (CLIENT_CANCELLATION_ALLOWED, True, False),
    ],
)
def test_a_booking_tells_whether_its_cancellation_needs_approval(
    alone: Running, policy: int, approval: bool, expected: bool
) -> None:
    place = ids.new(), resource()
    where = terms(*place, approval=approval, cancellation=policy)  # type: ignore[arg-type]  # a row's
    made = alone.book(slot(where, NINE))
    assert (made.status == BOOKING_STATUS_CONFIRMED) is not approval
    assert made.cancellation_needs_approval is expected
