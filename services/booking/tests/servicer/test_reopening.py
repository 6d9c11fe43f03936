"""Reopening a session that was started or completed by mistake (spec BK-14)."""

from datetime import timedelta
from functools import partial
from uuid import UUID

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from attune.billing.v1.events_pb2 import PaymentStatusChanged
from attune.booking.v1 import booking_pb2
from attune.booking.v1 import booking_service_pb2 as pb
from attune.booking.v1.booking_pb2 import (
    BOOKING_STATUS_COMPLETED,
    BOOKING_STATUS_CONFIRMED,
    BOOKING_STATUS_IN_PROGRESS,
    PAYMENT_STATUS_DUE,
    PAYMENT_STATUS_PAID,
    PAYMENT_STATUS_PARTLY_PAID,
    PAYMENT_STATUS_REFUNDED,
    PaymentStatus,
)
from attune.booking.v1.events_pb2 import BookingCompleted, SessionReopened
from attune.common.v1.types_pb2 import CLIENT_STATUS_ACTIVE, CLIENT_STATUS_NEW
from attune_testing.concurrency import at_once
from attune_testing.identities import client, staff
from booking.events import handlers
from common import ids
from common.errors import (
    Conflict,
    DomainError,
    NotAllowed,
    NotFound,
    Refused,
    Stale,
    Unauthenticated,
)
from common.messaging.nats import MESSAGE_ID
from common.rpc.identity import VISITOR, Identity, acting_as
from services.booking.tests.booking_world import (
    NINE,
    NOW,
    OpenSlot,
    Running,
    events,
    form,
    refs,
    resource,
    slot,
    terms,
)

pytestmark = pytest.mark.req("BK-14")
START, COMPLETE = "Start", "Complete"


class Case:
    """One booking, whose time has come, with the owner of its practice."""

    def __init__(self, service: Running, where: OpenSlot | None = None, email: str = "") -> None:
        service.clock.present = NOW
        self.service, self.provider = service, resource()
        self.where = where or slot(terms(ids.new(), self.provider))
        self.practice = self.where.practice_id
        self.id = service.book(self.where, form(email)).booking_id
        self.owner = staff(self.practice)
        service.clock.present = self.where.start + timedelta(minutes=1)

    def get(self) -> booking_pb2.Booking:
        with acting_as(self.owner):
            return self.service.rpc.GetBooking(pb.GetBookingRequest(booking_id=self.id)).booking

    def do(self, step: str) -> booking_pb2.Booking:
        """Start or complete the session."""
        request = getattr(pb, f"{step}BookingRequest")(booking_id=self.id)
        with acting_as(self.owner):
            done: booking_pb2.Booking = getattr(self.service.rpc, f"{step}Booking")(request).booking
            return done

    def reopen(
        self, version: int, who: Identity | None = None, key: str = ""
    ) -> booking_pb2.Booking:
        request = pb.ReopenSessionRequest(booking_id=self.id, version=version, request_id=key)
        with acting_as(who or self.owner):
            return self.service.rpc.ReopenSession(request).booking

    def pay(self, status: PaymentStatus.ValueType, version: int = 1) -> bool:
        event = PaymentStatusChanged(
            practice_id=str(self.practice),
            booking_id=self.id,
            payment_status=status,
            version=version,
        )
        return handlers.handle(
            self.service.database,
            event.DESCRIPTOR.full_name,
            event.SerializeToString(),
            {MESSAGE_ID: str(ids.new())},
        )


def changes(booking: booking_pb2.Booking) -> list[str]:
    return [entry.change for entry in booking.history]


def at(minutes: int) -> Timestamp:
    """Return an instant after a case's clock."""
    made = Timestamp()
    made.FromDatetime(NINE + timedelta(minutes=1 + minutes))
    return made


@pytest.mark.parametrize(
    ("steps", "status"),
    [
        ([START], BOOKING_STATUS_CONFIRMED),
        ([COMPLETE], BOOKING_STATUS_CONFIRMED),
        ([START, COMPLETE], BOOKING_STATUS_IN_PROGRESS),
    ],
)
def test_the_latest_change_is_undone_and_can_be_made_again(
    alone: Running, steps: list[str], status: booking_pb2.BookingStatus.ValueType
) -> None:
    case = Case(alone)
    for step in steps:
        done = case.do(step)
    assert done.reopen_until_time == case.get().reopen_until_time == at(15)
    alone.clock.advance(timedelta(minutes=15))
    reopened = case.reopen(done.version)
    assert (reopened.status, reopened.version) == (status, done.version + 1)
    assert changes(reopened)[-1] == "reopened"
    (event,) = events(alone.database, SessionReopened, case.practice)
    assert (event.booking.status, event.booking.version) == (status, reopened.version)
    assert event.reopen_time == at(15)
    assert refs(alone.database, case.provider) == [UUID(case.id)], "the time stays taken"
    assert case.do(steps[-1]).status == done.status


def test_everything_is_undone_step_by_step(alone: Running) -> None:
    case = Case(alone)
    case.do(START)
    completed = case.do(COMPLETE)
    in_progress = case.reopen(completed.version)
    assert in_progress.status == BOOKING_STATUS_IN_PROGRESS
    assert in_progress.reopen_until_time == at(15), "the start can be undone, too"
    confirmed = case.reopen(in_progress.version)
    assert confirmed.status == BOOKING_STATUS_CONFIRMED
    assert not confirmed.HasField("reopen_until_time")
    with pytest.raises(Refused, match="This booking is confirmed"):
        case.reopen(confirmed.version)


def test_after_15_minutes_nothing_is_undone(alone: Running) -> None:
    case = Case(alone)
    completed = case.do(COMPLETE)
    alone.clock.advance(timedelta(minutes=15, microseconds=1))
    assert not case.get().HasField("reopen_until_time")
    with pytest.raises(Conflict) as refused:
        case.reopen(completed.version)
    assert (refused.value.reason, refused.value.details) == (
        "REOPEN_TOO_LATE",
        {"reopen_until_time": "2026-11-02T14:16:00Z"},
    )
    assert case.get().version == completed.version
    assert events(alone.database, SessionReopened, case.practice) == []


@pytest.mark.parametrize("off", [-1, 1, -2, 1000, -3])
def test_another_version_is_refused(alone: Running, off: int) -> None:
    case = Case(alone)
    case.do(START)
    completed = case.do(COMPLETE)
    with pytest.raises(Stale) as refused:
        case.reopen(completed.version + off)
    assert (refused.value.reason, refused.value.field) == ("STALE", "version")
    assert case.get().version == completed.version


def test_a_repeated_request_undoes_once(alone: Running) -> None:
    case = Case(alone)
    case.do(START)
    completed = case.do(COMPLETE)
    first = case.reopen(completed.version, key="undo-1")
    assert case.reopen(completed.version, key="undo-1") == first
    assert case.get().status == BOOKING_STATUS_IN_PROGRESS
    assert len(events(alone.database, SessionReopened, case.practice)) == 1


@pytest.mark.parametrize(
    "paid", [PAYMENT_STATUS_PAID, PAYMENT_STATUS_PARTLY_PAID, PAYMENT_STATUS_REFUNDED]
)
def test_a_session_that_was_paid_is_not_reopened(
    alone: Running, paid: PaymentStatus.ValueType
) -> None:
    case = Case(alone)
    completed = case.do(COMPLETE)
    case.pay(PAYMENT_STATUS_DUE, 2)
    assert case.get().HasField("reopen_until_time")
    case.pay(paid, 3)
    assert not case.get().HasField("reopen_until_time")
    with pytest.raises(Refused) as refused:
        case.reopen(completed.version)
    assert refused.value.reason == "SESSION_PAID"


@pytest.mark.req("CL-2")
def test_a_client_is_new_again_unless_another_session_was_completed(alone: Running) -> None:
    first = Case(alone, email="mara@quill.example")
    completed = first.do(COMPLETE)
    assert completed.client.status == CLIENT_STATUS_ACTIVE
    first.reopen(completed.version)
    assert first.get().client.status == CLIENT_STATUS_NEW
    completed = first.do(COMPLETE)
    where = slot(first.where.terms, NINE + timedelta(hours=1))
    second = Case(alone, where, email="mara@quill.example")
    again = second.do(COMPLETE)
    assert second.reopen(again.version).client.status == CLIENT_STATUS_ACTIVE


def test_who_may_not_complete_a_session_does_not_reopen_it(alone: Running) -> None:
    case = Case(alone)
    completed = case.do(COMPLETE)
    for stranger in (
        staff(ids.new()),
        staff(case.practice, "clinician", provider_id=ids.new()),
        staff(case.practice, "supervisor"),
    ):
        with pytest.raises(NotFound):
            case.reopen(completed.version, stranger)
    for who in (client(case.practice, completed.client.client_id), VISITOR):
        with pytest.raises((NotAllowed, Unauthenticated)):
            case.reopen(completed.version, who)
    assert case.get().version == completed.version
    own = staff(case.practice, "clinician", provider_id=case.provider.id)
    assert case.reopen(completed.version, own).status == BOOKING_STATUS_CONFIRMED


@pytest.mark.req("BK-9")
def test_of_many_who_reopen_at_once_one_does(alone: Running) -> None:
    case = Case(alone)
    case.do(START)
    completed = case.do(COMPLETE)
    results = at_once([partial(case.reopen, completed.version)] * 12)
    assert sum(isinstance(r, booking_pb2.Booking) for r in results) == 1
    assert {r.reason for r in results if isinstance(r, DomainError)} == {"STALE"}
    assert case.get().status == BOOKING_STATUS_IN_PROGRESS
    assert len(events(alone.database, SessionReopened, case.practice)) == 1


@pytest.mark.req("BK-9", "BL-8")
def test_a_payment_that_races_a_reopening_stops_it_or_finds_it_done(alone: Running) -> None:
    for _ in range(6):
        case = Case(alone)
        completed = case.do(COMPLETE)
        reopened, _ = at_once(
            [partial(case.reopen, completed.version), partial(case.pay, PAYMENT_STATUS_PAID, 2)]
        )
        found = case.get()
        assert found.payment_status == PAYMENT_STATUS_PAID
        if isinstance(reopened, DomainError):
            assert reopened.reason == "SESSION_PAID"
            assert (found.status, found.version) == (BOOKING_STATUS_COMPLETED, completed.version)
        else:
            assert (found.status, found.version) == (
                BOOKING_STATUS_CONFIRMED,
                completed.version + 1,
            )
        reopenings = events(alone.database, SessionReopened, case.practice)
        assert len(reopenings) == (found.status == BOOKING_STATUS_CONFIRMED)


@pytest.mark.req("BK-9")
def test_reopening_and_completing_at_once_leave_one_story(alone: Running) -> None:
    for _ in range(6):
        case = Case(alone)
        started = case.do(START)
        at_once([partial(case.reopen, started.version), partial(case.do, COMPLETE)] * 3)
        found = case.get()
        assert changes(found) in (
            ["confirmed", "started", "completed"],
            ["confirmed", "started", "reopened", "completed"],
        )
        assert found.status == BOOKING_STATUS_COMPLETED
        completions = events(alone.database, BookingCompleted, case.practice)
        assert [event.booking.version for event in completions] == [found.version]


@pytest.mark.req("CL-2")
def test_a_client_with_a_completed_session_is_active_whatever_is_reopened_meanwhile(
    alone: Running,
) -> None:
    for number in range(8):
        email = f"mara-{number}-{ids.new()}@quill.example"
        first = Case(alone, email=email)
        where = slot(first.where.terms, NINE + timedelta(hours=1))
        second = Case(alone, where, email=email)
        completed = first.do(COMPLETE)
        at_once([partial(first.reopen, completed.version), partial(second.do, COMPLETE)])
        assert first.get().status == BOOKING_STATUS_CONFIRMED
        assert second.get().client.status == CLIENT_STATUS_ACTIVE
