"""The state of bookings, for services that keep a projection of it."""

from datetime import timedelta

import pytest

from attune.booking.v1.booking_fact_service_pb2 import (
    BookingState,
    ListBookingFactsRequest,
    ListBookingFactsResponse,
)
from attune.booking.v1.booking_pb2 import BOOKING_STATUS_REQUESTED
from attune_testing.identities import service
from common import ids, proto
from common.errors import Invalid, NotAllowed, Unauthenticated
from common.rpc.identity import VISITOR, acting_as
from services.booking.tests.booking_world import NINE, OpenSlot, Running, form, resource, terms

pytestmark = pytest.mark.req("PF-4", "PF-3")
DAY = timedelta(days=1)


def listed(alone: Running, practice: object = "", **fields: object) -> ListBookingFactsResponse:
    with acting_as(service("billing", practice)):
        return alone.rpc.ListBookingFacts(ListBookingFactsRequest(**fields))  # type: ignore[arg-type]  # of any field


def all_of(alone: Running, **fields: object) -> list[BookingState]:
    found, token = list[BookingState](), ""
    while True:
        page = listed(alone, page_size=2, page_token=token, **fields)
        found += page.states
        token = page.next_page_token
        if not token:
            return found


def test_bookings_of_all_practices_come_by_their_end(alone: Running) -> None:
    far = NINE + 4000 * DAY
    mine = [
        alone.book(OpenSlot(terms(ids.new(), resource(), approval=True), far + day * DAY), form())
        for day in (2, 0, 1, 3)
    ]
    after = proto.timestamp(far + timedelta(minutes=50))
    wanted = [mine[2].booking_id, mine[0].booking_id, mine[3].booking_id]
    assert [s.booking.booking_id for s in all_of(alone, end_after_time=after)] == wanted
    [state] = listed(alone, booking_ids=[mine[1].booking_id, str(ids.new())]).states
    assert state.booking.booking_id == mine[1].booking_id
    assert state.booking.status == BOOKING_STATUS_REQUESTED
    assert (state.booking.version, state.booking.price.minor_units) == (1, 15000)
    assert [(step.version, step.change) for step in state.steps] == [(1, "requested")]


def test_a_service_that_acts_for_a_practice_sees_that_one(alone: Running) -> None:
    here, there = (alone.book(OpenSlot(terms(ids.new(), resource()), NINE), form()) for _ in "ab")
    both = [here.booking_id, there.booking_id]
    [state] = listed(alone, here.practice_id, booking_ids=both).states
    assert state.booking.booking_id == here.booking_id


def test_what_is_wrong_is_explained(alone: Running) -> None:
    for fields, field in (
        ({"booking_ids": ["x"]}, "booking_ids"),
        ({"booking_ids": [str(ids.new())] * 201}, "booking_ids"),
        ({"page_size": 201}, "page_size"),
        ({"page_token": "x"}, "page_token"),
    ):
        with pytest.raises(Invalid) as error:
            listed(alone, **fields)
        assert error.value.field == field
    with acting_as(VISITOR), pytest.raises((NotAllowed, Unauthenticated)):
        alone.rpc.ListBookingFacts(ListBookingFactsRequest())
