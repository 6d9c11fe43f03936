"""Personal data is stored encrypted and stays out of events and logs (spec PF-3, PF-7)."""

import logging

import pytest
from sqlalchemy import text

from attune.booking.v1 import booking_service_pb2 as pb
from attune.booking.v1.booking_pb2 import CANCELLATION_REASON_OTHER
from attune_testing.identities import client, staff
from booking import messages
from booking.actions.bookings import book_online
from common import ids
from common.db import idempotency
from common.db.database import EVERY_PRACTICE, Database
from common.errors import DomainError
from common.rpc.identity import acting_as
from services.booking.tests.booking_world import NINE, NOW, Running, form, resource, slot, terms

NAME = "Ottilie Vandermeer"
EMAIL = "ottilie.vandermeer@clinic.example"
PHONE = "+12125550142"
NOTE = "Panic attacks since the spring"
REASON = "Sudden bereavement"
DECLINE = "Outside of our competence"
VISITOR = "visitor-7f3a9c"
SECRETS = [NAME, "Vandermeer", EMAIL, PHONE, NOTE, REASON, DECLINE, VISITOR]


def dump(database: Database) -> str:
    """Return every column of every row of every table as text."""
    with database.transaction(EVERY_PRACTICE) as session:
        tables = session.scalars(
            text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        ).all()
        assert {"clients", "bookings", "holds", "outbox", "idempotency"} <= set(tables)
        rows = [
            row
            for table in tables
            for row in session.scalars(text(f"SELECT CAST(t AS text) FROM {table} AS t"))  # noqa: S608  # names of our own tables
        ]
    return "\n".join(rows)


@pytest.mark.req("PF-7", "PF-3")
def test_nothing_personal_stands_in_clear_in_any_column(
    alone: Running, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    practice, provider = ids.new(), resource()
    where = slot(terms(practice, provider, approval=True))
    typed = form(EMAIL, NAME, PHONE, note=NOTE)
    alone.hold(slot(where.terms, NINE.replace(hour=18)), VISITOR)
    request = pb.CreateBookingRequest(request_id=str(ids.new()))

    with alone.database.transaction(practice) as session:
        claim = idempotency.claim(session, f"test:{practice}", request, pb.CreateBookingResponse)
        row = book_online(session, where.terms, where.start, typed, NOW)
        shown = messages.booking(row, messages.Viewer.BOOKER, NOW)
        answer = claim.answer(pb.CreateBookingResponse(booking=shown))
    booked = answer.booking
    other = alone.book(slot(where.terms, NINE.replace(hour=20)), typed)
    with acting_as(client(practice, booked.client.client_id)):
        alone.rpc.CancelBooking(
            pb.CancelBookingRequest(booking_id=booked.booking_id, reason_text=REASON)
        )
    with acting_as(staff(practice)):
        alone.rpc.DeclineBooking(
            pb.DeclineBookingRequest(booking_id=other.booking_id, reason_text=DECLINE)
        )
        with pytest.raises(DomainError) as refused:
            alone.rpc.CancelBooking(
                pb.CancelBookingRequest(
                    booking_id=other.booking_id,
                    reason=CANCELLATION_REASON_OTHER,
                    reason_text=REASON,
                )
            )
    everything = dump(alone.database)
    assert booked.booking_id in everything
    for secret in (*SECRETS, booked.manage_token):
        assert secret not in everything
        assert secret.encode().hex() not in everything
        assert secret not in caplog.text
        assert secret not in f"{refused.value.message} {refused.value.details}"


@pytest.mark.req("PF-7")
def test_who_may_read_it_reads_it(alone: Running) -> None:
    practice = ids.new()
    booked = alone.book(slot(terms(practice, resource())), form(EMAIL, NAME, PHONE, note=NOTE))
    with acting_as(staff(practice)):
        shown = alone.rpc.GetBooking(pb.GetBookingRequest(booking_id=booked.booking_id)).booking
    assert (shown.client.name, shown.client.email, shown.client.phone, shown.note) == (
        NAME,
        EMAIL,
        PHONE,
        NOTE,
    )
