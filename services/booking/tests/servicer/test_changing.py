"""Changes of bookings: approval, cancellation, the session, and expiry."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import pytest
from sqlalchemy import select

from attune.availability.v1.availability_pb2 import (
    CLIENT_CANCELLATION_ALLOWED,
    CLIENT_CANCELLATION_APPROVAL,
    CLIENT_CANCELLATION_NOT_ALLOWED,
    ClientCancellation,
)
from attune.booking.v1 import booking_pb2
from attune.booking.v1 import booking_service_pb2 as pb
from attune.booking.v1.booking_pb2 import (
    BILLING_TYPE_CASH,
    BOOKING_STATUS_CANCELLED,
    BOOKING_STATUS_COMPLETED,
    BOOKING_STATUS_CONFIRMED,
    BOOKING_STATUS_DECLINED,
    BOOKING_STATUS_EXPIRED,
    BOOKING_STATUS_IN_PROGRESS,
    BOOKING_STATUS_REQUESTED,
    CANCELLATION_REASON_CLIENT_REQUEST,
    CANCELLATION_REASON_PROVIDER_ILL,
    CANCELLED_BY_CLIENT,
    CANCELLED_BY_PRACTICE,
)
from attune.booking.v1.events_pb2 import (
    BookingCancelled,
    BookingCompleted,
    BookingConfirmed,
    BookingDeclined,
    BookingExpired,
    BookingFact,
    BookingRequested,
    BookingStarted,
    CancellationDeclined,
    CancellationRequested,
)
from attune.booking.v1.hold_service_pb2 import ReleaseHoldRequest
from attune.common.v1.types_pb2 import CLIENT_STATUS_ACTIVE, CLIENT_STATUS_NEW, Money
from attune_local.servers import free_port
from attune_testing.clock import TestClock
from attune_testing.concurrency import at_once
from attune_testing.identities import client, signer, staff
from attune_testing.serving import serve
from attune_testing.stubs import BookingStub
from attune_testing.waiting import until
from booking.adapters.availability import Availability
from booking.domain.occupancy import SlotTaken
from booking.servicer import servicers
from common import ids
from common.db.database import Database
from common.errors import Conflict, DomainError, Invalid, NotFound, Refused
from common.jobs import schedule
from common.rpc import channels
from common.rpc.identity import Identity, acting_as
from services.booking.tests.booking_world import (
    NINE,
    NOW,
    Running,
    events,
    form,
    refs,
    resource,
    slot,
    taken_events,
    terms,
)
from tests.faults import Proxy

LIMIT = NINE - timedelta(days=1)
ILL = CANCELLATION_REASON_PROVIDER_ILL


class Case:
    """One booking of a practice of its own, with its owner and its client."""

    def __init__(
        self,
        service: Running,
        approval: bool = False,
        cancellation: ClientCancellation.ValueType = CLIENT_CANCELLATION_ALLOWED,
        synthetic: bool = False,
    ) -> None:
        self.service, self.practice, self.provider = service, ids.new(), resource()
        self.where = slot(
            terms(
                self.practice,
                self.provider,
                approval=approval,
                cancellation=cancellation,
                synthetic=synthetic,
            )
        )
        self.booked = service.book(self.where)
        self.id = self.booked.booking_id
        self.owner = staff(self.practice)
        self.client = client(self.practice, self.booked.client.client_id)


def confirm(case: Case, who: Identity | None = None) -> booking_pb2.Booking:
    with acting_as(who or case.owner):
        request = pb.ConfirmBookingRequest(booking_id=case.id)
        return case.service.rpc.ConfirmBooking(request).booking


def decline(case: Case, words: str = "", who: Identity | None = None) -> booking_pb2.Booking:
    with acting_as(who or case.owner):
        request = pb.DeclineBookingRequest(booking_id=case.id, reason_text=words)
        return case.service.rpc.DeclineBooking(request).booking


def cancel(
    case: Case,
    who: Identity | None = None,
    reason: booking_pb2.CancellationReason.ValueType = ILL,
    words: str = "",
    tell: bool | None = None,
) -> booking_pb2.Booking:
    with acting_as(who or case.owner):
        request = pb.CancelBookingRequest(
            booking_id=case.id, reason=reason, reason_text=words, tell_client=tell
        )
        return case.service.rpc.CancelBooking(request).booking


def decline_cancellation(case: Case, who: Identity | None = None) -> booking_pb2.Booking:
    with acting_as(who or case.owner):
        request = pb.DeclineCancellationRequest(booking_id=case.id)
        return case.service.rpc.DeclineCancellation(request).booking


def come(case: Case) -> None:
    """Let the time of the session come."""
    clock = case.service.clock
    clock.present = max(clock.present, NINE)


def start(case: Case, who: Identity | None = None) -> booking_pb2.Booking:
    """Start the session when its time has come."""
    come(case)
    return _start(case, who)


def _start(case: Case, who: Identity | None = None) -> booking_pb2.Booking:
    with acting_as(who or case.owner):
        request = pb.StartBookingRequest(booking_id=case.id)
        return case.service.rpc.StartBooking(request).booking


def complete(case: Case, who: Identity | None = None) -> booking_pb2.Booking:
    """Complete the session when its time has come."""
    come(case)
    return _complete(case, who)


def _complete(case: Case, who: Identity | None = None) -> booking_pb2.Booking:
    with acting_as(who or case.owner):
        request = pb.CompleteBookingRequest(booking_id=case.id)
        return case.service.rpc.CompleteBooking(request).booking


def get(case: Case, who: Identity | None = None) -> booking_pb2.Booking:
    with acting_as(who or case.owner):
        return case.service.rpc.GetBooking(pb.GetBookingRequest(booking_id=case.id)).booking


def fact(case: Case, status: booking_pb2.BookingStatus.ValueType, version: int) -> BookingFact:
    return BookingFact(
        booking_id=case.id,
        practice_id=str(case.practice),
        provider_id=str(case.provider.id),
        client_id=case.booked.client.client_id,
        status=status,
        mode=case.booked.mode,
        start_time=case.booked.start_time,
        end_time=case.booked.end_time,
        version=version,
        price=Money(minor_units=15000, currency_code="USD"),
        billing_type=BILLING_TYPE_CASH,
    )


@pytest.mark.req("PF-14")
def test_every_event_says_whether_the_practice_is_synthetic(alone: Running) -> None:
    for synthetic in (True, False):
        completed = Case(alone, approval=True, synthetic=synthetic)
        confirm(completed)
        complete(completed)
        alone.clock.present = NOW
        cancelled = Case(alone, synthetic=synthetic)
        cancel(cancelled, tell=True)
        facts = [
            *(e.booking for e in events(alone.database, BookingRequested, completed.practice)),
            *(e.booking for e in events(alone.database, BookingConfirmed, completed.practice)),
            *(e.booking for e in events(alone.database, BookingCompleted, completed.practice)),
            *(e.booking for e in events(alone.database, BookingConfirmed, cancelled.practice)),
            *(e.booking for e in events(alone.database, BookingCancelled, cancelled.practice)),
        ]
        assert [each.synthetic for each in facts] == [synthetic] * 5


def assert_free(case: Case, revision: int) -> None:
    """Assert that the time is free at once and that an event says so (spec CN-5)."""
    assert refs(case.service.database, case.provider) == []
    last = taken_events(case.service.database, case.provider)[-1]
    assert (list(last.released), list(last.taken), last.revision) == ([case.id], [], revision)
    case.service.book(case.where)


@pytest.mark.req("BK-1")
def test_a_request_is_approved(alone: Running) -> None:
    case = Case(alone, approval=True)
    alone.clock.advance(timedelta(minutes=1))
    confirmed = confirm(case)
    assert confirmed.update_time.seconds == confirmed.create_time.seconds + 60
    assert (confirmed.status, confirmed.version) == (BOOKING_STATUS_CONFIRMED, 2)
    assert confirmed.revision == case.booked.revision, "the time was taken before"
    assert events(alone.database, BookingConfirmed, case.practice) == [
        BookingConfirmed(booking=fact(case, BOOKING_STATUS_CONFIRMED, 2), was_requested=True)
    ]
    with pytest.raises(SlotTaken):
        alone.book(case.where)


@pytest.mark.req("BK-1", "CN-5")
def test_a_request_is_declined_and_its_time_is_free(alone: Running) -> None:
    case = Case(alone, approval=True)
    declined = decline(case, "Please see a specialist")
    assert (declined.status, declined.reason_text, declined.revision) == (
        BOOKING_STATUS_DECLINED,
        "Please see a specialist",
        "2",
    )
    assert events(alone.database, BookingDeclined, case.practice) == [
        BookingDeclined(booking=fact(case, BOOKING_STATUS_DECLINED, 2))
    ]
    assert get(case, case.client).reason_text == "Please see a specialist"
    assert_free(case, 2)


@pytest.mark.req("BK-1", "PF-6")
def test_a_request_that_nobody_answers_expires_at_its_time(alone: Running) -> None:
    case = Case(alone, approval=True)
    alone.clock.present = NINE - timedelta(seconds=1)
    alone.work()
    assert get(case).status == BOOKING_STATUS_REQUESTED
    alone.clock.present = NINE
    with pytest.raises(Refused) as refused:
        confirm(case)
    assert (refused.value.reason, refused.value.details["present"]) == ("WRONG_STATUS", "expired")
    alone.work()
    assert events(alone.database, BookingExpired, case.practice) == [
        BookingExpired(booking=fact(case, BOOKING_STATUS_EXPIRED, 2))
    ]
    expired = get(case)
    assert expired.status == BOOKING_STATUS_EXPIRED
    assert [(h.actor, h.actor_id, h.change) for h in expired.history] == [
        ("client", case.booked.client.client_id, "requested"),
        ("system", "", "expired"),
    ]
    assert_free(case, 2)


@pytest.mark.req("BK-1")
@pytest.mark.parametrize("answer", [confirm, decline])
def test_a_request_that_was_answered_does_not_expire(
    alone: Running, answer: Callable[[Case], booking_pb2.Booking]
) -> None:
    case = Case(alone, approval=True)
    answered = answer(case)
    alone.clock.present = NINE
    alone.work()
    assert get(case).status == answered.status
    assert events(alone.database, BookingExpired, case.practice) == []


def planned(database: Database, practice_id: UUID) -> list[tuple[str, str]]:
    """Return kind and key of the jobs that are planned for a practice."""
    with database.transaction(practice_id) as session:
        plans = select(schedule.due.c.kind, schedule.due.c.key)
        found = session.execute(plans.where(schedule.due.c.practice_id == practice_id))
        return [(kind, key) for kind, key in found]


def withdraw(case: Case) -> booking_pb2.Booking:
    return cancel(case, case.client)


@pytest.mark.req("BK-1")
@pytest.mark.parametrize("answer", [confirm, decline, withdraw])
def test_a_request_that_was_answered_is_no_longer_planned_to_expire(
    alone: Running, answer: Callable[[Case], booking_pb2.Booking]
) -> None:
    case = Case(alone, approval=True)
    assert planned(alone.database, case.practice) == [("expire_request", case.id)]
    answer(case)
    assert planned(alone.database, case.practice) == []


@pytest.mark.req("BK-3")
def test_a_hold_that_is_gone_is_no_longer_planned_to_expire(alone: Running) -> None:
    practice, provider = ids.new(), resource()
    where = slot(terms(practice, provider))
    alone.hold(where, "visitor-1")
    replacing = alone.hold(where, "visitor-1")
    assert planned(alone.database, practice) == [("expire_hold", replacing.hold_id)]
    hold_id = UUID(replacing.hold_id)
    alone.book(where, form(hold_id=hold_id, visitor_id="visitor-1"))
    assert planned(alone.database, practice) == []
    released = alone.hold(slot(where.terms, NINE + timedelta(hours=1)), "visitor-1")
    with acting_as(Identity("visitor")):
        request = ReleaseHoldRequest(hold_id=released.hold_id, visitor_id="visitor-1")
        alone.rpc.ReleaseHold(request)
    assert planned(alone.database, practice) == []


@pytest.mark.req("BK-1", "BK-9")
def test_of_all_who_answer_a_request_at_once_one_wins(alone: Running) -> None:
    case = Case(alone, approval=True)
    answers = [partial(confirm, case), partial(decline, case), partial(cancel, case, case.client)]
    results = at_once(answers * 8)
    won = [r for r in results if isinstance(r, booking_pb2.Booking)]
    reasons = {r.reason for r in results if isinstance(r, DomainError)}
    # A request that was confirmed first may be cancelled after.
    assert len(won) == (2 if get(case).version == 3 else 1)
    assert reasons == {"WRONG_STATUS"}


def confirm_as(case: Case, request_id: str) -> pb.ConfirmBookingResponse:
    with acting_as(case.owner):
        request = pb.ConfirmBookingRequest(booking_id=case.id, request_id=request_id)
        return case.service.rpc.ConfirmBooking(request)


@pytest.mark.req("BK-4")
def test_who_asks_for_a_change_again_gets_the_answer_of_the_first_time(alone: Running) -> None:
    case = Case(alone, approval=True)
    answers = at_once([partial(confirm_as, case, "the same")] * 12)
    assert answers == [answers[0]] * 12
    start(case)
    assert confirm_as(case, "the same") == answers[0], "as it was then"
    assert len(events(alone.database, BookingConfirmed, case.practice)) == 1
    with pytest.raises(Refused) as refused:
        confirm_as(case, "another")
    assert refused.value.reason == "WRONG_STATUS"


@pytest.mark.req("BK-4")
def test_a_refused_change_is_not_remembered(alone: Running) -> None:
    case = Case(alone, approval=True)
    with acting_as(case.owner):
        request = pb.CompleteBookingRequest(booking_id=case.id, request_id="one")
        with pytest.raises(Refused):
            alone.rpc.CompleteBooking(request)
        confirm(case)
        with pytest.raises(Conflict) as early:
            alone.rpc.CompleteBooking(request)
        assert early.value.reason == "SESSION_TOO_EARLY"
        come(case)
        assert alone.rpc.CompleteBooking(request).booking.status == BOOKING_STATUS_COMPLETED


@pytest.mark.req("BK-4")
def test_another_change_under_the_same_key_is_refused(alone: Running) -> None:
    case = Case(alone, approval=True)
    with acting_as(case.owner):
        request = pb.DeclineBookingRequest(booking_id=case.id, request_id="one", reason_text="No")
        declined = alone.rpc.DeclineBooking(request)
        assert alone.rpc.DeclineBooking(request) == declined
        request.reason_text = "Never"
        with pytest.raises(Conflict) as conflict:
            alone.rpc.DeclineBooking(request)
    assert conflict.value.reason == "REQUEST_ID_REUSED"


@pytest.mark.req("BK-4", "PF-13")
def test_a_change_whose_answer_got_lost_is_not_refused_when_it_is_tried_again(
    database: Database,
) -> None:
    """A channel retries when a connection breaks, whether or not the call was executed."""
    with (
        channels.channel(f"ipv4:127.0.0.1:{free_port()}", signer("booking")) as nowhere,
        serve(servicers(database, Availability(nowhere), TestClock(NOW))) as served,
        Proxy(int(served.address.rpartition(":")[2])) as proxy,
        channels.channel(f"ipv4:127.0.0.1:{proxy.port}", signer(), timeout=10) as channel,
        ThreadPoolExecutor(1) as pool,
    ):
        case = Case(Running(database, TestClock(NOW), BookingStub(channel)), approval=True)
        proxy.delay = 0.3
        asked = pool.submit(confirm, case)
        until(lambda: events(database, BookingConfirmed, case.practice), bool)
        assert not asked.done(), "the answer is on its way"
        proxy.delay = 0
        proxy.cut()
        assert asked.result().status == BOOKING_STATUS_CONFIRMED
    assert len(events(database, BookingConfirmed, case.practice)) == 1


@pytest.mark.req("CN-1", "CN-5")
@pytest.mark.parametrize(("tell", "told"), [(None, True), (True, True), (False, False)])
def test_staff_cancel_with_a_reason_and_choose_whether_to_tell(
    alone: Running, tell: bool | None, told: bool
) -> None:
    case = Case(alone)
    alone.clock.present = NINE + timedelta(days=1)
    cancelled = cancel(case, words="Caught a cold", tell=tell)
    assert (
        cancelled.status,
        cancelled.cancelled_by,
        cancelled.cancellation_reason,
        cancelled.reason_text,
        cancelled.revision,
    ) == (BOOKING_STATUS_CANCELLED, CANCELLED_BY_PRACTICE, ILL, "Caught a cold", "2")
    assert events(alone.database, BookingCancelled, case.practice) == [
        BookingCancelled(
            booking=fact(case, BOOKING_STATUS_CANCELLED, 2),
            cancelled_by=CANCELLED_BY_PRACTICE,
            tell_client=told,
        )
    ]
    assert_free(case, 2)


@pytest.mark.req("CN-1")
@pytest.mark.parametrize("reason", [0, 99])
def test_staff_must_give_a_reason_of_the_list(alone: Running, reason: int) -> None:
    case = Case(alone)
    with pytest.raises(Invalid) as refused:
        cancel(case, reason=booking_pb2.CancellationReason.ValueType(reason))
    assert refused.value.field == "reason"


@pytest.mark.req("CN-2", "CN-5")
@pytest.mark.parametrize("link", [False, True])
def test_a_client_cancels_up_to_the_threshold(alone: Running, link: bool) -> None:
    case = Case(alone)
    alone.clock.present = LIMIT
    who = client(case.practice, case.booked.client.client_id, case.id if link else "")
    assert get(case, who).client_may_cancel
    cancelled = cancel(case, who, words="I moved away")
    assert (
        cancelled.status,
        cancelled.cancelled_by,
        cancelled.cancellation_reason,
        cancelled.reason_text,
        cancelled.client_may_cancel,
    ) == (
        BOOKING_STATUS_CANCELLED,
        CANCELLED_BY_CLIENT,
        CANCELLATION_REASON_CLIENT_REQUEST,
        "I moved away",
        False,
    )
    assert events(alone.database, BookingCancelled, case.practice) == [
        BookingCancelled(
            booking=fact(case, BOOKING_STATUS_CANCELLED, 2),
            cancelled_by=CANCELLED_BY_CLIENT,
            tell_client=True,
        )
    ]
    assert_free(case, 2)


@pytest.mark.req("CN-2")
@pytest.mark.parametrize(
    ("cancellation", "at", "reason"),
    [
        (CLIENT_CANCELLATION_ALLOWED, LIMIT + timedelta(seconds=1), "CANCELLATION_TOO_LATE"),
        (CLIENT_CANCELLATION_APPROVAL, LIMIT + timedelta(seconds=1), "CANCELLATION_TOO_LATE"),
        (CLIENT_CANCELLATION_NOT_ALLOWED, NOW, "CANCELLATION_NOT_ALLOWED"),
    ],
)
def test_a_client_cannot_cancel_late_or_where_it_is_not_allowed(
    alone: Running, cancellation: ClientCancellation.ValueType, at: datetime, reason: str
) -> None:
    case = Case(alone, cancellation=cancellation)
    alone.clock.present = at
    assert not get(case, case.client).client_may_cancel
    with pytest.raises(Refused) as refused:
        cancel(case, case.client)
    assert refused.value.reason == reason
    assert get(case).version == 1
    assert cancel(case).status == BOOKING_STATUS_CANCELLED, "staff can"


@pytest.mark.req("CN-2")
def test_where_cancellations_need_approval_the_client_asks_and_staff_approve(
    alone: Running,
) -> None:
    case = Case(alone, cancellation=CLIENT_CANCELLATION_APPROVAL)
    asked = cancel(case, case.client, words="I moved away")
    assert (asked.status, asked.cancellation_requested, asked.client_may_cancel) == (
        BOOKING_STATUS_CONFIRMED,
        True,
        False,
    )
    assert cancel(case, case.client).version == asked.version, "asking again changes nothing"
    assert events(alone.database, CancellationRequested, case.practice) == [
        CancellationRequested(booking=fact(case, BOOKING_STATUS_CONFIRMED, 2))
    ]
    assert get(case).reason_text == "I moved away"
    cancelled = cancel(case, reason=CANCELLATION_REASON_CLIENT_REQUEST)
    assert (
        cancelled.status,
        cancelled.cancellation_requested,
        cancelled.cancelled_by,
        cancelled.reason_text,
    ) == (BOOKING_STATUS_CANCELLED, False, CANCELLED_BY_CLIENT, "I moved away")
    assert [(h.actor, h.actor_id, h.change) for h in cancelled.history] == [
        ("client", case.booked.client.client_id, "confirmed"),
        ("client", case.booked.client.client_id, "cancellation_requested"),
        ("practice", case.owner.subject.removeprefix("account:"), "cancelled"),
    ]


@pytest.mark.req("CN-2")
def test_staff_refuse_a_cancellation_and_the_client_may_ask_again(alone: Running) -> None:
    case = Case(alone, cancellation=CLIENT_CANCELLATION_APPROVAL)
    with pytest.raises(Refused) as refused:
        decline_cancellation(case)
    assert refused.value.reason == "NO_CANCELLATION_REQUESTED"
    cancel(case, case.client)
    kept = decline_cancellation(case)
    assert (kept.status, kept.cancellation_requested) == (BOOKING_STATUS_CONFIRMED, False)
    assert events(alone.database, CancellationDeclined, case.practice) == [
        CancellationDeclined(booking=fact(case, BOOKING_STATUS_CONFIRMED, 3))
    ]
    assert refs(alone.database, case.provider) == [UUID(case.id)]
    assert cancel(case, case.client).cancellation_requested


@pytest.mark.req("CN-2")
def test_a_client_withdraws_a_request_whatever_the_policy(alone: Running) -> None:
    case = Case(alone, approval=True, cancellation=CLIENT_CANCELLATION_NOT_ALLOWED)
    alone.clock.present = NINE - timedelta(seconds=1)
    shown = get(case, case.client)
    assert (shown.client_may_cancel, shown.cancel_until_time) == (True, shown.start_time)
    cancelled = cancel(case, case.client)
    assert (cancelled.status, cancelled.cancelled_by) == (
        BOOKING_STATUS_CANCELLED,
        CANCELLED_BY_CLIENT,
    )
    assert_free(case, 2)


@pytest.mark.req("BK-9")
def test_the_session_starts_and_ends(alone: Running) -> None:
    case = Case(alone)
    assert start(case).status == BOOKING_STATUS_IN_PROGRESS
    completed = complete(case)
    assert (completed.status, completed.version) == (BOOKING_STATUS_COMPLETED, 3)
    assert events(alone.database, BookingStarted, case.practice) == [
        BookingStarted(booking=fact(case, BOOKING_STATUS_IN_PROGRESS, 2))
    ]
    assert events(alone.database, BookingCompleted, case.practice) == [
        BookingCompleted(booking=fact(case, BOOKING_STATUS_COMPLETED, 3))
    ]
    assert refs(alone.database, case.provider) == [UUID(case.id)], "its time was used"


@pytest.mark.req("BK-9", "RM-7")
def test_a_session_ahead_is_neither_started_nor_completed_nor_billed(alone: Running) -> None:
    case = Case(alone)
    before = get(case)
    for early, forbidden in (
        (timedelta(days=1), _start),
        (timedelta(minutes=16), _start),
        (timedelta(days=1), _complete),
        (timedelta(minutes=14), _complete),
        (timedelta(seconds=1), _complete),
    ):
        alone.clock.present = NINE - early
        with pytest.raises(Conflict) as refused:
            forbidden(case)
        assert refused.value.reason == "SESSION_TOO_EARLY"
        assert refused.value.details["opens_at"] in refused.value.message
    assert get(case).version == before.version
    assert events(alone.database, BookingStarted, case.practice) == []
    assert events(alone.database, BookingCompleted, case.practice) == []
    alone.clock.present = NINE - timedelta(minutes=15)
    assert _start(case).status == BOOKING_STATUS_IN_PROGRESS
    with pytest.raises(Conflict) as refused:
        _complete(case)
    assert refused.value.reason == "SESSION_TOO_EARLY"
    assert complete(case).status == BOOKING_STATUS_COMPLETED


@pytest.mark.req("CN-2", "BK-9")
def test_a_session_that_takes_place_settles_the_clients_wish_to_cancel(alone: Running) -> None:
    for step in (start, complete):
        alone.clock.present = NOW
        case = Case(alone, cancellation=CLIENT_CANCELLATION_APPROVAL)
        assert cancel(case, case.client).cancellation_requested
        assert not step(case).cancellation_requested, step
        assert not get(case).cancellation_requested, step
        with pytest.raises(Refused) as refused:
            decline_cancellation(case)
        assert refused.value.reason == "NO_CANCELLATION_REQUESTED"


@pytest.mark.req("CL-2")
def test_a_new_client_is_active_from_the_first_completed_session_on(alone: Running) -> None:
    case = Case(alone)
    assert get(case).client.status == CLIENT_STATUS_NEW
    start(case)
    assert get(case).client.status == CLIENT_STATUS_NEW
    assert complete(case).client.status == CLIENT_STATUS_ACTIVE
    assert get(case).client.status == CLIENT_STATUS_ACTIVE


Step = Callable[[Case], booking_pb2.Booking]


def cancel_as_client(case: Case) -> booking_pb2.Booking:
    return cancel(case, case.client)


@pytest.mark.req("BK-9")
@pytest.mark.parametrize(
    ("steps", "forbidden", "present", "wanted"),
    [
        ((), confirm, "confirmed", "confirmed"),
        ((), decline, "confirmed", "declined"),
        ((start,), start, "in_progress", "in_progress"),
        ((start,), cancel, "in_progress", "cancelled"),
        ((start,), cancel_as_client, "in_progress", "cancelled"),
        ((complete,), start, "completed", "in_progress"),
        ((complete,), complete, "completed", "completed"),
        ((complete,), cancel, "completed", "cancelled"),
        ((cancel,), cancel, "cancelled", "cancelled"),
        ((cancel,), cancel_as_client, "cancelled", "cancelled"),
        ((cancel,), start, "cancelled", "in_progress"),
        ((cancel,), complete, "cancelled", "completed"),
    ],
)
def test_a_forbidden_step_names_both_states_and_changes_nothing(
    alone: Running, steps: tuple[Step, ...], forbidden: Step, present: str, wanted: str
) -> None:
    case = Case(alone)
    for step in steps:
        step(case)
    before = get(case)
    with pytest.raises(Refused) as refused:
        forbidden(case)
    assert (refused.value.reason, refused.value.details) == (
        "WRONG_STATUS",
        {"present": present, "wanted": wanted},
    )
    assert get(case) == before


@pytest.mark.req("BK-9")
@pytest.mark.parametrize("forbidden", [start, complete])
def test_a_request_cannot_take_place(alone: Running, forbidden: Step) -> None:
    with pytest.raises(Refused) as refused:
        forbidden(Case(alone, approval=True))
    assert refused.value.details["present"] == "requested"


@pytest.mark.req("CN-5", "SL-8")
def test_of_16_who_cancel_at_once_one_does_and_time_is_released_once(alone: Running) -> None:
    case = Case(alone)
    results = at_once([partial(cancel, case), partial(cancel, case, case.client)] * 8)
    assert sum(isinstance(r, booking_pb2.Booking) for r in results) == 1
    assert {r.reason for r in results if isinstance(r, DomainError)} == {"WRONG_STATUS"}
    assert len(events(alone.database, BookingCancelled, case.practice)) == 1
    assert [e.revision for e in taken_events(alone.database, case.provider)] == [1, 2]


@pytest.mark.req("BK-3", "PF-6")
def test_a_hold_lapses_by_itself(alone: Running) -> None:
    practice, provider = ids.new(), resource()
    where = slot(terms(practice, provider))
    held = alone.hold(where, "visitor-1")
    alone.clock.advance(timedelta(minutes=4, seconds=59))
    alone.work()
    assert refs(alone.database, provider) == [UUID(held.hold_id)]
    alone.clock.advance(timedelta(seconds=1))
    alone.work()
    assert refs(alone.database, provider) == []
    (_, released) = taken_events(alone.database, provider)
    assert (list(released.released), released.revision) == ([held.hold_id], 2)


@pytest.mark.req("BK-3")
def test_a_hold_that_was_used_lapses_without_effect(alone: Running) -> None:
    practice, provider = ids.new(), resource()
    where = slot(terms(practice, provider))
    held = alone.hold(where, "visitor-1")
    alone.clock.advance(timedelta(minutes=5))
    booked = alone.book(where)
    assert refs(alone.database, provider) == [UUID(booked.booking_id)], "it had lapsed"
    alone.work()
    assert refs(alone.database, provider) == [UUID(booked.booking_id)]
    assert [list(e.released) for e in taken_events(alone.database, provider)] == [
        [],
        [held.hold_id],
        [],
    ]


@pytest.mark.req("BK-3")
def test_a_visitor_releases_their_own_hold_and_nobody_elses(alone: Running) -> None:
    practice, provider = ids.new(), resource()
    held = alone.hold(slot(terms(practice, provider)), "visitor-1")

    def release(visitor: str, hold_id: str = held.hold_id) -> str:
        with acting_as(Identity("visitor")):
            request = ReleaseHoldRequest(hold_id=hold_id, visitor_id=visitor)
            return alone.rpc.ReleaseHold(request).revision

    assert release("visitor-2") == ""
    assert refs(alone.database, provider) == [UUID(held.hold_id)]
    assert release("visitor-1") == "2"
    assert refs(alone.database, provider) == []
    assert release("visitor-1") == "", "what is gone is no error"
    assert release("visitor-1", str(ids.new())) == ""


@pytest.mark.req("CL-3")
@pytest.mark.parametrize("step", [confirm, decline, cancel, decline_cancellation, start, complete])
def test_only_staff_who_may_see_a_booking_change_it(
    alone: Running, step: Callable[..., booking_pb2.Booking]
) -> None:
    case = Case(alone, approval=True)
    own = case.provider.id
    strangers = [
        staff(ids.new()),
        staff(case.practice, "clinician", provider_id=ids.new()),
        staff(case.practice, "clinician"),
        staff(case.practice, "supervisor"),
        staff(ids.new(), "clinician", provider_id=own),
    ]
    for who in strangers:
        with pytest.raises(NotFound):
            step(case, who=who)
    if step is not cancel:
        for who in (case.client, Identity("visitor"), Identity("service:booking")):
            with pytest.raises(DomainError) as refused:
                step(case, who=who)
            assert refused.value.reason in ("NOT_ALLOWED", "UNAUTHENTICATED")
    assert get(case).version == 1


@pytest.mark.req("CL-3")
def test_a_clinician_answers_their_own_requests(alone: Running) -> None:
    case = Case(alone, approval=True)
    who = staff(case.practice, "clinician", provider_id=case.provider.id)
    assert confirm(case, who).status == BOOKING_STATUS_CONFIRMED


@pytest.mark.req("CL-3")
def test_a_client_cancels_their_own_bookings_alone(alone: Running) -> None:
    case = Case(alone)
    other = Case(alone)
    of_same_practice = alone.book(slot(case.where.terms, NINE + timedelta(hours=1)))
    own = case.booked.client.client_id
    for who in (
        other.client,
        client(case.practice, of_same_practice.client.client_id),
        client(other.practice, own),
        client(case.practice, own, booking_id=of_same_practice.booking_id),
    ):
        with pytest.raises(NotFound):
            cancel(case, who)
    assert get(case).version == 1


@pytest.mark.parametrize(
    "booking_id",
    ["", "x", "\x00", "ca773689-aa9c-4687-93d3-ce7f5a9af58d", "9" * 10_000],
)
@pytest.mark.parametrize("step", [confirm, decline, cancel, decline_cancellation, start, complete])
def test_what_cannot_be_a_booking_is_not_found(
    alone: Running, step: Callable[..., booking_pb2.Booking], booking_id: str
) -> None:
    case = Case.__new__(Case)
    case.service, case.owner, case.id = alone, staff(ids.new()), booking_id
    with pytest.raises(NotFound):
        step(case)


@pytest.mark.parametrize("step", [decline, cancel])
@pytest.mark.parametrize("words", ["x" * 2001, "a\x00b"])
def test_words_that_are_too_long_or_unprintable_are_refused(
    alone: Running, step: Callable[..., booking_pb2.Booking], words: str
) -> None:
    case = Case(alone, approval=True)
    with pytest.raises(Invalid) as refused:
        step(case, words=words)
    assert refused.value.field == "reason_text"
