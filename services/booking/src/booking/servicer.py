"""The RPCs of booking."""

from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

import grpc
from google.protobuf.message import Message
from sqlalchemy.orm import Session

from attune.availability.v1.slot_service_pb2 import CheckSlotRequest
from attune.booking.v1 import booking_pb2
from attune.booking.v1 import booking_service_pb2 as pb
from attune.booking.v1.booking_pb2 import BillingType, BookingStatus, CancellationReason
from attune.booking.v1.booking_service_pb2_grpc import (
    BookingServiceServicer,
    add_BookingServiceServicer_to_server,
)
from attune.booking.v1.client_service_pb2 import (
    GetClientRequest,
    GetClientResponse,
    ListClientsRequest,
    ListClientsResponse,
    UpdateClientRequest,
    UpdateClientResponse,
)
from attune.booking.v1.client_service_pb2_grpc import (
    ClientServiceServicer,
    add_ClientServiceServicer_to_server,
)
from attune.booking.v1.hold_service_pb2 import (
    CreateHoldRequest,
    CreateHoldResponse,
    ReleaseHoldRequest,
    ReleaseHoldResponse,
)
from attune.booking.v1.hold_service_pb2_grpc import (
    HoldServiceServicer,
    add_HoldServiceServicer_to_server,
)
from attune.booking.v1.occupancy_service_pb2 import ListTakenTimeRequest, ListTakenTimeResponse
from attune.booking.v1.occupancy_service_pb2_grpc import (
    OccupancyServiceServicer,
    add_OccupancyServiceServicer_to_server,
)
from attune.common.v1.types_pb2 import ClientStatus, Mode
from booking import changes, enums, facts, making, messages
from booking.adapters.availability import Availability
from booking.domain import contacts
from booking.making import Details, Place
from booking.store import bookings, clients, holds, taken
from booking.store.bookings import Filter
from booking.store.tables import Booking
from common import audit, ids, validation
from common.clock import Clock
from common.db import cursor, idempotency
from common.db.database import EVERY_PRACTICE, Database
from common.errors import DomainError, NotFound
from common.rpc.access import allow
from common.rpc.identity import caller
from common.rpc.server import Servicers

_NAME = 200  # characters of usernames, slugs and visitors' ids
_REASON = 2000

Response = TypeVar("Response", bound=Message)


_Creation = CreateHoldRequest | pb.CreateBookingRequest
_Change = (
    pb.ConfirmBookingRequest
    | pb.DeclineBookingRequest
    | pb.CancelBookingRequest
    | pb.DeclineCancellationRequest
    | pb.StartBookingRequest
    | pb.CompleteBookingRequest
)


class BookingServicer(
    BookingServiceServicer,
    HoldServiceServicer,
    OccupancyServiceServicer,
    ClientServiceServicer,
):
    """Bookings, holds, clients, taken time."""

    def __init__(self, database: Database, availability: Availability, clock: Clock) -> None:
        self._database = database
        self._availability = availability
        self._clock = clock

    # Making

    @allow("holds:create")
    def CreateHold(
        self, request: CreateHoldRequest, context: grpc.ServicerContext
    ) -> CreateHoldResponse:
        """Hold a start while a form is filled in (spec BK-3). SLOT_TAKEN, or the first failing
        rule."""
        visitor = validation.line(request.visitor_id, "visitor_id", _NAME)

        def hold(session: Session, place: Place) -> CreateHoldResponse:
            made = making.hold(session, place, visitor, self._clock.now())
            return CreateHoldResponse(hold=made)

        return self._create(request, CreateHoldResponse, self._index_of_caller, hold)

    @allow("holds:create")
    def ReleaseHold(
        self, request: ReleaseHoldRequest, context: grpc.ServicerContext
    ) -> ReleaseHoldResponse:
        """Let the visitor's own hold go. The revision is empty if there was nothing to let go."""
        visitor = validation.line(request.visitor_id, "visitor_id", _NAME)
        hold_id = ids.parse(request.hold_id, "hold_id")
        with self._database.transaction(EVERY_PRACTICE) as session:
            hold = holds.find(session, hold_id, visitor)
        if hold is None:
            return ReleaseHoldResponse()
        with self._database.transaction(hold.practice_id) as session:
            revision = making.let_go(session, hold.practice_id, hold_id)
        return ReleaseHoldResponse(revision=str(revision) if revision else "")

    @allow("bookings:create")
    def CreateBooking(
        self, request: pb.CreateBookingRequest, context: grpc.ServicerContext
    ) -> pb.CreateBookingResponse:
        """Book (spec BK-1, BK-2, BK-4): the answer is what was typed, the link to manage it, and
        the revision that shows it. SLOT_TAKEN, the first failing rule, or REQUEST_ID_REUSED."""
        details = _details(request)

        def book(session: Session, place: Place) -> pb.CreateBookingResponse:
            made = making.book(session, place, details, self._clock.now())
            _record(session, "booking.create", made)
            return pb.CreateBookingResponse(booking=made)

        index = clients.index(details.contact)
        return self._create(request, pb.CreateBookingResponse, lambda: index, book, _show_again)

    def _create(
        self,
        request: _Creation,
        kind: type[Response],
        email_index: Callable[[], bytes | None],
        do: Callable[[Session, Place], Response],
        repeated: Callable[[Session, Response], None] = lambda _session, _answer: None,
    ) -> Response:
        """Ask availability, then do it in one transaction, once for each request_id."""
        idempotency.check(request.request_id)
        check = _check(request)
        start = validation.instant(request.start_time, "start_time")
        scope = f"{type(request).__name__}:{caller().subject}:{check.username}"
        try:
            check.client_status = self._status(email_index(), check.username)
            terms = self._availability.check(check)
        except DomainError:
            # What was done before is answered as then, though the time is near or past by now.
            with self._database.transaction(EVERY_PRACTICE) as session:
                earlier = idempotency.recall(session, scope, request, kind)
                if earlier is None:
                    raise
                repeated(session, earlier)
            return earlier
        place = Place(check.username, check.mode, start, terms)

        def once(session: Session) -> Response:
            return idempotency.once(
                session, scope, request, kind, lambda: do(session, place), repeated
            )

        return making.attempt(self._database, place.practice_id, once)

    def _status(self, email_index: bytes | None, username: str) -> ClientStatus.ValueType:
        """How the owner of an e-mail stands with a provider's practice; nobody is new
        (spec AV-16)."""
        if email_index is None:
            return ClientStatus.CLIENT_STATUS_NEW
        with self._database.transaction(EVERY_PRACTICE) as session:
            known = clients.statuses(session, email_index)
        if set(known.values()) <= {clients.NEW}:
            return ClientStatus.CLIENT_STATUS_NEW
        profile = self._availability.profile(username)
        status = known.get(UUID(profile.practice.practice_id), clients.NEW)
        return ClientStatus.ValueType(enums.value(ClientStatus, status))

    def _index_of_caller(self) -> bytes | None:
        """The e-mail of a signed-in client."""
        who = caller()
        if not who.client_id:
            return None
        with self._database.transaction(who.practice_id) as session:
            return clients.index_of(session, UUID(who.client_id))

    # Seeing

    @allow("bookings:read")
    def GetBooking(
        self, request: pb.GetBookingRequest, context: grpc.ServicerContext
    ) -> pb.GetBookingResponse:
        """One booking with its history (spec BK-8)."""
        who = caller()
        with self._database.transaction(who.practice_id) as session:
            row = bookings.get(session, ids.find(request.booking_id), who)
            audit.record(session, "booking.read", booking=row.id, client=row.client_id)
        return pb.GetBookingResponse(booking=self._show(row))

    @allow("bookings:read")
    def ListBookings(
        self, request: pb.ListBookingsRequest, context: grpc.ServicerContext
    ) -> pb.ListBookingsResponse:
        """Bookings by start, then id."""
        size = validation.page_size(request.page_size)
        after = cursor.place(request.page_token, "bookings")
        wanted, who = _filter(request), caller()
        with self._database.transaction(who.practice_id) as session:
            rows = bookings.page(session, who, wanted, after, size + 1)
            shown = rows[:size]
            audit.record(
                session,
                "booking.list",
                booking=[row.id for row in shown],
                client=[row.client_id for row in shown],
            )
        last = rows[size - 1] if len(rows) > size else None
        return pb.ListBookingsResponse(
            bookings=[self._show(row, history=False) for row in shown],
            next_page_token=cursor.Place(last.start_at, last.id).token("bookings") if last else "",
        )

    @allow("manage_links:resolve")
    def ResolveManageToken(
        self, request: pb.ResolveManageTokenRequest, context: grpc.ServicerContext
    ) -> pb.ResolveManageTokenResponse:
        """Whom a manage link belongs to; NOT_FOUND for every other text."""
        with self._database.transaction(EVERY_PRACTICE) as session:
            row = bookings.find_by_token(session, request.manage_token)
            if row is None:
                raise NotFound
            audit.record(
                session,
                "manage_link.use",
                practice_id=row.practice_id,
                subject=f"client:{row.client_id}",
                booking=row.id,
            )
        return pb.ResolveManageTokenResponse(
            booking_id=str(row.id), practice_id=str(row.practice_id), client_id=str(row.client_id)
        )

    @allow("occupancy:read")
    def ListTakenTime(
        self, request: ListTakenTimeRequest, context: grpc.ServicerContext
    ) -> ListTakenTimeResponse:
        """Everything taken of one resource that has not ended, and the revision it belongs to."""
        with self._database.transaction(caller().practice_id or EVERY_PRACTICE) as session:
            now = self._clock.now()
            revision, takings = taken.list_taken(session, request.resource_number, now)
        return ListTakenTimeResponse(
            taken=[facts.taken_time(taking.resources[0], taking) for taking in takings],
            revision=revision,
        )

    # Changing

    @allow("bookings:change")
    def ConfirmBooking(
        self, request: pb.ConfirmBookingRequest, context: grpc.ServicerContext
    ) -> pb.ConfirmBookingResponse:
        """Approve a request. WRONG_STATUS."""
        return self._change("confirm", request, pb.ConfirmBookingResponse, changes.confirm)

    @allow("bookings:change")
    def DeclineBooking(
        self, request: pb.DeclineBookingRequest, context: grpc.ServicerContext
    ) -> pb.DeclineBookingResponse:
        """Decline a request, with words for the client. WRONG_STATUS."""
        words = validation.words(request.reason_text, "reason_text", _REASON)

        def decline(session: Session, row: Booking, by: changes.Act) -> None:
            changes.decline(session, row, words, by)

        return self._change("decline", request, pb.DeclineBookingResponse, decline)

    @allow("bookings:cancel")
    def CancelBooking(
        self, request: pb.CancelBookingRequest, context: grpc.ServicerContext
    ) -> pb.CancelBookingResponse:
        """Cancel: staff with a reason (spec CN-1), clients as the booking's policy says
        (spec CN-2). WRONG_STATUS, CANCELLATION_NOT_ALLOWED, CANCELLATION_TOO_LATE."""
        words = validation.words(request.reason_text, "reason_text", _REASON)
        staff = caller().is_staff
        if staff:
            validation.choice(CancellationReason, request.reason, "reason")

        def cancel(session: Session, row: Booking, by: changes.Act) -> None:
            if staff:
                tell = request.tell_client if request.HasField("tell_client") else True
                changes.cancel_as_practice(session, row, request.reason, words, tell, by)
            else:
                changes.cancel_as_client(session, row, words, by)

        return self._change("cancel", request, pb.CancelBookingResponse, cancel)

    @allow("bookings:change")
    def DeclineCancellation(
        self, request: pb.DeclineCancellationRequest, context: grpc.ServicerContext
    ) -> pb.DeclineCancellationResponse:
        """Refuse the cancellation that a client asked for. NO_CANCELLATION_REQUESTED."""
        return self._change(
            "decline_cancellation",
            request,
            pb.DeclineCancellationResponse,
            changes.decline_cancellation,
        )

    @allow("bookings:change")
    def StartBooking(
        self, request: pb.StartBookingRequest, context: grpc.ServicerContext
    ) -> pb.StartBookingResponse:
        """The session has begun. WRONG_STATUS."""
        return self._change("start", request, pb.StartBookingResponse, changes.start)

    @allow("bookings:change")
    def CompleteBooking(
        self, request: pb.CompleteBookingRequest, context: grpc.ServicerContext
    ) -> pb.CompleteBookingResponse:
        """The session was held; a new client becomes active (spec CL-2). WRONG_STATUS."""
        return self._change("complete", request, pb.CompleteBookingResponse, changes.complete)

    def _change(
        self,
        action: str,
        request: _Change,
        kind: type[Response],
        change: Callable[[Session, Booking, changes.Act], None],
    ) -> Response:
        """Change a booking that the caller may see, once for each request_id: whoever asks again
        has the answer of that time, not a refusal for what they did themselves."""
        who, now = caller(), self._clock.now()
        scope = f"{type(request).__name__}:{who.subject}:{request.booking_id}"
        with self._database.transaction(who.practice_id) as session:
            row = bookings.get(session, ids.find(request.booking_id), who, lock=True)

            def do() -> Response:
                change(session, row, changes.act(who, now))
                shown = self._show(row)
                _record(session, f"booking.{action}", shown)
                return kind(booking=shown)

            return idempotency.once(session, scope, request, kind, do, _show_again)

    def _show(self, row: Booking, *, history: bool = True) -> booking_pb2.Booking:
        who = messages.viewer(caller())
        return messages.booking(row, who, self._clock.now(), history=history)

    # Clients

    @allow("clients:list")
    def ListClients(
        self, request: ListClientsRequest, context: grpc.ServicerContext
    ) -> ListClientsResponse:
        """Clients by creation, then id; a clinician's own ones (spec CL-3)."""
        size = validation.page_size(request.page_size)
        after = cursor.place(request.page_token, "clients")
        who = caller()
        with self._database.transaction(who.practice_id) as session:
            rows = clients.page(session, who, after, size + 1)
            audit.record(session, "client.list", client=[row.id for row in rows[:size]])
        last = rows[size - 1] if len(rows) > size else None
        return ListClientsResponse(
            clients=[messages.client(row) for row in rows[:size]],
            next_page_token=cursor.Place(last.created_at, last.id).token("clients") if last else "",
        )

    @allow("clients:read")
    def GetClient(
        self, request: GetClientRequest, context: grpc.ServicerContext
    ) -> GetClientResponse:
        """One client; clients see themselves, once signed in (spec CL-3)."""
        who = caller()
        with self._database.transaction(who.practice_id) as session:
            row = clients.get(session, ids.find(request.client_id), who)
            audit.record(session, "client.read", client=row.id)
        return GetClientResponse(client=messages.client(row))

    @allow("clients:change")
    def UpdateClient(
        self, request: UpdateClientRequest, context: grpc.ServicerContext
    ) -> UpdateClientResponse:
        """Change a client's billing type; it holds for what is completed from now on."""
        billing_type = validation.choice(BillingType, request.billing_type, "billing_type")
        who = caller()
        with self._database.transaction(who.practice_id) as session:
            row = clients.get(session, ids.find(request.client_id), who, lock=True)
            row.billing_type = enums.word(BillingType, billing_type)
            audit.record(session, "client.change", client=row.id)
        return UpdateClientResponse(client=messages.client(row))


def _record(session: Session, action: str, booking: booking_pb2.Booking) -> None:
    audit.record(
        session,
        action,
        practice_id=UUID(booking.practice_id),
        booking=booking.booking_id,
        client=booking.client.client_id,
    )


def _show_again(session: Session, answer: Any) -> None:
    """The booking of an earlier answer is shown once more."""
    _record(session, "booking.read", answer.booking)


def _check(request: _Creation) -> CheckSlotRequest:
    """What to ask availability; raises Invalid, naming the field."""
    return CheckSlotRequest(
        username=validation.line(request.username, "username", _NAME),
        service=validation.line(request.service, "service", _NAME),
        mode=Mode.ValueType(validation.choice(Mode, request.mode, "mode")),
        start_time=request.start_time,
    )


def _details(request: pb.CreateBookingRequest) -> Details:
    typed = request.client
    return Details(
        contact=contacts.contact(typed.name, typed.email, typed.phone, typed.timezone),
        note=validation.words(request.note, "note"),
        hold_id=ids.parse(request.hold_id, "hold_id") if request.hold_id else None,
        visitor_id=validation.words(request.visitor_id, "visitor_id", _NAME),
    )


def _filter(request: pb.ListBookingsRequest) -> Filter:
    start, end = validation.span(request)
    return Filter(
        start=start,
        end=end,
        provider_id=ids.parse(request.provider_id, "provider_id") if request.provider_id else None,
        client_id=ids.parse(request.client_id, "client_id") if request.client_id else None,
        statuses=tuple(
            enums.word(BookingStatus, validation.choice(BookingStatus, status, "statuses"))
            for status in request.statuses
        ),
    )


def servicers(database: Database, availability: Availability, clock: Clock) -> Servicers:
    """Return the servicers of this service."""
    servicer = BookingServicer(database, availability, clock)
    return [
        (add_BookingServiceServicer_to_server, servicer),
        (add_HoldServiceServicer_to_server, servicer),
        (add_OccupancyServiceServicer_to_server, servicer),
        (add_ClientServiceServicer_to_server, servicer),
    ]
