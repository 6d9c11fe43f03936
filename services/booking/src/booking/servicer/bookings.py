"""BookingService: making, reading, and changing bookings."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

import grpc
from google.protobuf.message import Message
from sqlalchemy.orm import Session

from attune.booking.v1 import booking_pb2
from attune.booking.v1 import booking_service_pb2 as pb
from attune.booking.v1.booking_service_pb2_grpc import BookingServiceServicer
from booking import messages
from booking.actions import cancellation, transitions
from booking.actions.bookings import book_online
from booking.actions.clients import use_contact
from booking.domain.actor import Actor, ActorKind
from booking.domain.terms import Terms
from booking.servicer import attempts, parse
from booking.servicer.slots import SlotRequests
from booking.store import bookings, clients
from booking.store.tables import Booking
from common import audit, ids, proto, validation
from common.clock import Clock
from common.db import idempotency
from common.db.database import EVERY_PRACTICE, Database
from common.errors import NotFound
from common.rpc.access import allow
from common.rpc.identity import Identity, caller

Response = TypeVar("Response", bound=Message)
Change = Callable[[Session, Booking, Actor, datetime], None]
_Request = (
    pb.ConfirmBookingRequest
    | pb.DeclineBookingRequest
    | pb.CancelBookingRequest
    | pb.DeclineCancellationRequest
    | pb.StartBookingRequest
    | pb.CompleteBookingRequest
    | pb.ReopenSessionRequest
    | pb.UpdateClientFromBookingRequest
)


class BookingServicer(BookingServiceServicer):
    """Bookings."""

    def __init__(self, database: Database, slots: SlotRequests, clock: Clock) -> None:
        self._database = database
        self._slots = slots
        self._clock = clock

    @allow("bookings:create")
    def CreateBooking(
        self, request: pb.CreateBookingRequest, context: grpc.ServicerContext
    ) -> pb.CreateBookingResponse:
        """Book a slot (spec BK-1, BK-2, BK-4). Return the booking with its contact details, manage
        link, and revision.

        Raises SlotTaken, Refused with the first failing rule, or RequestIdReused.
        """
        with attempts.counted() as attempt:
            response = self._create(request)
            attempt.outcome = proto.word(booking_pb2.BookingStatus, response.booking.status)
        return response

    def _create(self, request: pb.CreateBookingRequest) -> pb.CreateBookingResponse:
        form = parse.form(request)

        def create(session: Session, terms: Terms, start: datetime) -> pb.CreateBookingResponse:
            now = self._clock.now()
            row = book_online(session, terms, start, form, now)
            _record(session, "booking.create", row)
            attempts.record_lead_time(session, row, now)
            # The booker may not own the email, even if they have signed in.
            shown = messages.booking(row, messages.Viewer.BOOKER, now)
            return pb.CreateBookingResponse(booking=shown)

        statuses = partial(clients.statuses, email=form.contact.email)
        return self._slots.fulfill(
            request, pb.CreateBookingResponse, statuses, create, _record_repeat
        )

    @allow("bookings:read")
    def GetBooking(
        self, request: pb.GetBookingRequest, context: grpc.ServicerContext
    ) -> pb.GetBookingResponse:
        """Return one booking with its history (spec BK-8)."""
        who = caller()
        with self._database.transaction(who.practice_id) as session:
            row = bookings.get(session, ids.find(request.booking_id), who, "bookings:read")
            audit.record(session, "booking.read", booking=row.id, client=row.client_id)
        return pb.GetBookingResponse(booking=self._show(row))

    @allow("bookings:read")
    def ListBookings(
        self, request: pb.ListBookingsRequest, context: grpc.ServicerContext
    ) -> pb.ListBookingsResponse:
        """List bookings by start, then id."""
        who, size = caller(), validation.page_size(request.page_size)
        wanted, token = parse.filter_of(request, self._clock.now()), request.page_token
        with self._database.transaction(who.practice_id) as session:
            page = bookings.page(
                session, who, wanted, token, size, newest_first=request.newest_first
            )
            count = bookings.count(session, who, wanted) if request.count else 0
            audit.record(
                session,
                "booking.list",
                booking=[row.id for row in page.rows],
                client=[row.client_id for row in page.rows],
            )
        return pb.ListBookingsResponse(
            bookings=[self._show(row, history=False) for row in page.rows],
            next_page_token=page.next_token,
            total_count=count,
        )

    @allow("manage_links:resolve")
    def ResolveManageToken(
        self, request: pb.ResolveManageTokenRequest, context: grpc.ServicerContext
    ) -> pb.ResolveManageTokenResponse:
        """Return the booking, practice, and client of a manage link. Raises NotFound if the link is
        invalid."""
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

    @allow("clients:change")
    def UpdateClientFromBooking(
        self, request: pb.UpdateClientFromBookingRequest, context: grpc.ServicerContext
    ) -> pb.UpdateClientFromBookingResponse:
        """Put the contact details that were typed for a booking on the client's record."""
        return self._change(
            "use_contact",
            request,
            pb.UpdateClientFromBookingResponse,
            use_contact,
            permission="clients:change",
        )

    @allow("bookings:change")
    def ConfirmBooking(
        self, request: pb.ConfirmBookingRequest, context: grpc.ServicerContext
    ) -> pb.ConfirmBookingResponse:
        """Approve a request. Raises WrongStatus."""
        return self._change("confirm", request, pb.ConfirmBookingResponse, transitions.confirm)

    @allow("bookings:change")
    def DeclineBooking(
        self, request: pb.DeclineBookingRequest, context: grpc.ServicerContext
    ) -> pb.DeclineBookingResponse:
        """Decline a request, with a text for the client. Raises WrongStatus."""
        decline = partial(transitions.decline, reason_text=parse.reason_text(request))
        return self._change("decline", request, pb.DeclineBookingResponse, decline)

    @allow("bookings:cancel")
    def CancelBooking(
        self, request: pb.CancelBookingRequest, context: grpc.ServicerContext
    ) -> pb.CancelBookingResponse:
        """Cancel: staff with a reason (spec CN-1), clients as the booking's policy says
        (spec CN-2).

        Raises WrongStatus, CancellationNotAllowed, or CancellationTooLate.
        """
        text = parse.reason_text(request)
        cancel: Change = partial(cancellation.cancel_as_client, reason_text=text)
        if caller().is_staff:
            cancel = partial(
                cancellation.cancel_as_practice,
                reason=parse.reason(request),
                reason_text=text,
                tell_client=request.tell_client if request.HasField("tell_client") else True,
            )
        return self._change(
            "cancel", request, pb.CancelBookingResponse, cancel, permission="bookings:cancel"
        )

    @allow("bookings:change")
    def DeclineCancellation(
        self, request: pb.DeclineCancellationRequest, context: grpc.ServicerContext
    ) -> pb.DeclineCancellationResponse:
        """Refuse the cancellation that a client asked for. Raises NoCancellationRequested."""
        return self._change(
            "decline_cancellation",
            request,
            pb.DeclineCancellationResponse,
            cancellation.decline_cancellation,
        )

    @allow("bookings:change")
    def StartBooking(
        self, request: pb.StartBookingRequest, context: grpc.ServicerContext
    ) -> pb.StartBookingResponse:
        """Start the session. Raises WrongStatus or SessionTooEarly."""
        return self._change("start", request, pb.StartBookingResponse, transitions.start)

    @allow("bookings:change")
    def CompleteBooking(
        self, request: pb.CompleteBookingRequest, context: grpc.ServicerContext
    ) -> pb.CompleteBookingResponse:
        """Complete the session; a new client becomes active (spec CL-2).

        Raises WrongStatus or SessionTooEarly.
        """
        return self._change("complete", request, pb.CompleteBookingResponse, transitions.complete)

    @allow("bookings:change")
    def ReopenSession(
        self, request: pb.ReopenSessionRequest, context: grpc.ServicerContext
    ) -> pb.ReopenSessionResponse:
        """Undo the latest start or completion of a session (spec BK-14).

        Raises Stale, WrongStatus, SessionPaid, or ReopenTooLate.
        """
        reopen = partial(transitions.reopen, version=request.version)
        return self._change("reopen", request, pb.ReopenSessionResponse, reopen)

    def _change(
        self,
        action: str,
        request: _Request,
        kind: type[Response],
        change: Change,
        permission: str = "bookings:change",
    ) -> Response:
        """Change a booking within the caller's reach, once for each request_id.

        A repeated request gets the first answer, not a refusal of a change that was made already.
        """
        who, now = caller(), self._clock.now()
        scope = f"{type(request).__name__}:{who.subject}:{request.booking_id}"
        with self._database.transaction(who.practice_id) as session:
            booking_id = ids.find(request.booking_id)
            row = bookings.get(session, booking_id, who, permission, lock=True)
            claim = idempotency.claim(session, scope, request, kind)
            if claim.earlier:
                _record_repeat(session, claim.earlier)
                return claim.earlier
            change(session, row, _actor(who), now)
            _record(session, f"booking.{action}", row)
            return claim.answer(kind(booking=self._show(row)))

    def _show(self, row: Booking, *, history: bool = True) -> booking_pb2.Booking:
        viewer = messages.viewer(caller())
        return messages.booking(row, viewer, self._clock.now(), history=history)


def _actor(who: Identity) -> Actor:
    if who.client_id:
        return Actor(ActorKind.CLIENT, who.client_id)
    return Actor(ActorKind.PRACTICE, who.subject.partition(":")[2])


def _record(session: Session, action: str, row: Booking) -> None:
    audit.record(session, action, practice_id=row.practice_id, booking=row.id, client=row.client_id)


def _record_repeat(session: Session, earlier: Any) -> None:
    """Record that the booking in an earlier answer was shown again."""
    shown = earlier.booking
    audit.record(
        session,
        "booking.read",
        practice_id=UUID(shown.practice_id),
        booking=shown.booking_id,
        client=shown.client.client_id,
    )
