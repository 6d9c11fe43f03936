"""Booking's audit entries for jobs, repeated answers, and refusals (spec PF-8)."""

from uuid import UUID

import pytest
from sqlalchemy import select

from attune.booking.v1 import booking_service_pb2 as pb
from attune_testing.identities import staff
from common import ids
from common.audit import Entry
from common.db.database import Database
from common.errors import NotFound, Refused
from common.rpc import identity
from services.booking.tests.booking_world import NINE, Running, resource, slot, terms

pytestmark = pytest.mark.req("PF-8")


def entries(database: Database, practice: UUID) -> list[Entry]:
    """Return the entries of a practice in the order in which they were written."""
    with database.transaction(practice) as session:
        own = select(Entry).where(Entry.practice_id == practice)
        return list(session.scalars(own.order_by(Entry.sequence)))


def test_a_request_that_expires_is_on_record_as_the_service_s_work(alone: Running) -> None:
    practice = ids.new()
    booking = alone.book(slot(terms(practice, resource(), approval=True)))
    alone.clock.present = NINE
    alone.work()
    [entry] = entries(alone.database, practice)
    assert (entry.subject, entry.action, entry.things, entry.request) == (
        "service:booking",
        "booking.expire",
        [f"booking:{booking.booking_id}", f"client:{booking.client.client_id}"],
        f"due:expire_request:{booking.booking_id}",
    )


def test_an_answer_that_is_given_again_is_one_more_read(alone: Running) -> None:
    practice = ids.new()
    booking = alone.book(slot(terms(practice, resource(), approval=True)))
    again = pb.ConfirmBookingRequest(booking_id=booking.booking_id, request_id="once")
    with identity.acting_as(staff(practice)):
        assert alone.rpc.ConfirmBooking(again) == alone.rpc.ConfirmBooking(again)
    actions = [entry.action for entry in entries(alone.database, practice)]
    assert actions == ["booking.confirm", "booking.read"]


def test_what_is_refused_leaves_nothing(alone: Running) -> None:
    practice = ids.new()
    booking = alone.book(slot(terms(practice, resource())))
    with identity.acting_as(staff(practice)):
        with pytest.raises(Refused):
            alone.rpc.ConfirmBooking(pb.ConfirmBookingRequest(booking_id=booking.booking_id))
        with pytest.raises(NotFound):
            alone.rpc.GetBooking(pb.GetBookingRequest(booking_id=str(ids.new())))
    assert entries(alone.database, practice) == []
