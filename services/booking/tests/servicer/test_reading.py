"""Who sees which bookings, clients, manage links, and taken time."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from attune.billing.v1.events_pb2 import PaymentStatusChanged
from attune.booking.v1 import booking_pb2
from attune.booking.v1 import booking_service_pb2 as pb
from attune.booking.v1.booking_pb2 import (
    BILLING_TYPE_CASH,
    BILLING_TYPE_INSURANCE,
    BOOKING_STATUS_CANCELLED,
    BOOKING_STATUS_CONFIRMED,
    CANCELLATION_REASON_OTHER,
    PAYMENT_STATUS_DUE,
    PAYMENT_STATUS_PAID,
    PAYMENT_STATUS_REFUNDED,
    TAKEN_KIND_BOOKING,
    TAKEN_KIND_HOLD,
    BookingStatus,
)
from attune.booking.v1.client_service_pb2 import (
    GetClientRequest,
    ListClientsRequest,
    UpdateClientRequest,
)
from attune.booking.v1.events_pb2 import BookingConfirmed
from attune.booking.v1.hold_service_pb2 import ReleaseHoldRequest
from attune.booking.v1.occupancy_service_pb2 import ListTakenTimeRequest, ListTakenTimeResponse
from attune.common.v1.types_pb2 import CLIENT_STATUS_NEW
from attune_testing.identities import client, service, staff
from booking.domain.occupancy import Resource
from booking.events import handlers
from common import ids
from common.errors import DomainError, Invalid, NotAllowed, NotFound, Unauthenticated
from common.messaging.nats import MESSAGE_ID
from common.rpc.identity import VISITOR, Identity, acting_as
from services.booking.tests.booking_world import (
    NINE,
    NOW,
    Running,
    events,
    form,
    resource,
    slot,
    terms,
)

HOUR = timedelta(hours=1)
SERVICE = "service:notifications"


class Practice:
    """A practice with two providers, each with a client and a booking."""

    def __init__(self, service: Running) -> None:
        self.service, self.id = service, ids.new()
        self.ada, self.bob = resource(), resource()
        self.with_ada = self.book(self.ada, 0, note="Only mornings, please", phone="+12125550100")
        self.with_bob = self.book(self.bob, 0)
        self.owner = staff(self.id)

    def book(
        self, provider: Resource, hours: int, email: str = "", note: str = "", phone: str = ""
    ) -> booking_pb2.Booking:
        where = slot(terms(self.id, provider), NINE + hours * HOUR)
        return self.service.book(where, form(email, note=note, phone=phone))

    def clinician(self, provider: Resource) -> Identity:
        return staff(self.id, "clinician", provider_id=provider.id)


@pytest.fixture
def practice(alone: Running) -> Practice:
    return Practice(alone)


def get(service: Running, booking_id: str, who: Identity) -> booking_pb2.Booking:
    with acting_as(who):
        return service.rpc.GetBooking(pb.GetBookingRequest(booking_id=booking_id)).booking


def bookings(
    service: Running, who: Identity, request: pb.ListBookingsRequest | None = None
) -> list[str]:
    with acting_as(who):
        answer = service.rpc.ListBookings(request or pb.ListBookingsRequest())
    return [booking.booking_id for booking in answer.bookings]


def clients(service: Running, who: Identity) -> list[str]:
    with acting_as(who):
        return [c.client_id for c in service.rpc.ListClients(ListClientsRequest()).clients]


@pytest.mark.req("BK-8")
def test_a_booking_shows_what_it_is_and_how_it_came_about(practice: Practice) -> None:
    booked = practice.with_ada
    shown = get(practice.service, booked.booking_id, practice.owner)
    expected = booking_pb2.Booking()
    expected.CopyFrom(booked)
    expected.ClearField("manage_token")
    expected.client.CopyFrom(
        booking_pb2.Client(
            client_id=booked.client.client_id,
            name="Mara Quill",
            email=booked.contact.email,
            phone="+12125550100",
            timezone="Europe/Berlin",
            status=CLIENT_STATUS_NEW,
            billing_type=BILLING_TYPE_CASH,
        )
    )
    assert shown == expected
    assert shown.note == "Only mornings, please"
    (entry,) = shown.history
    assert (entry.actor, entry.actor_id, entry.change, entry.change_time) == (
        "client",
        booked.client.client_id,
        "confirmed",
        shown.create_time,
    )


@pytest.mark.req("CL-3")
def test_owners_see_all_clinicians_their_own_and_clients_themselves(practice: Practice) -> None:
    ada, bob = practice.with_ada.booking_id, practice.with_bob.booking_id
    own = practice.with_ada.client.client_id
    sees: dict[Identity, set[str]] = {
        practice.owner: {ada, bob},
        staff(practice.id, "manager"): {ada, bob},
        staff(practice.id, "owner", "clinician", provider_id=practice.ada.id): {ada, bob},
        service("notifications", practice.id): {ada, bob},
        practice.clinician(practice.ada): {ada},
        practice.clinician(practice.bob): {bob},
        client(practice.id, own): {ada},
        client(practice.id, own, ada): {ada},
        client(practice.id, own, bob): set(),
        staff(practice.id, "clinician"): set(),
        staff(practice.id, "supervisor"): set(),
        staff(ids.new()): set(),
        client(ids.new(), own): set(),
        service("notifications", ids.new()): set(),
        service("notifications"): set(),
    }
    for who, expected in sees.items():
        assert set(bookings(practice.service, who)) == expected, who
        for booking_id in (ada, bob):
            if booking_id in expected:
                assert get(practice.service, booking_id, who).booking_id == booking_id
            else:
                with pytest.raises(NotFound):
                    get(practice.service, booking_id, who)
    with pytest.raises(Unauthenticated):
        bookings(practice.service, VISITOR)


@pytest.mark.req("CL-3")
def test_each_viewer_sees_what_is_theirs_of_a_booking(practice: Practice) -> None:
    booked, own = practice.with_ada, practice.with_ada.client.client_id
    for who, phone, token in (
        (practice.owner, True, False),
        (practice.clinician(practice.ada), True, False),
        (client(practice.id, own), True, True),
        (client(practice.id, own, booked.booking_id), False, True),
        (service("notifications", practice.id), True, True),
    ):
        shown = get(practice.service, booked.booking_id, who)
        assert (bool(shown.client.phone), shown.manage_token) == (
            phone,
            booked.manage_token if token else "",
        )
        assert shown.note == "Only mornings, please"


@pytest.mark.req("CL-3")
def test_a_manage_link_of_a_stranger_tells_nothing_of_the_emails_owner(
    practice: Practice,
) -> None:
    known = practice.with_ada.client
    spelled = practice.with_ada.contact.email.upper()
    stranger = form(spelled, name="Somebody Else", timezone="Asia/Tokyo")
    where = slot(terms(practice.id, practice.ada), NINE + HOUR)
    booked = practice.service.book(where, stranger)
    link = client(practice.id, known.client_id, booked.booking_id)
    shown = get(practice.service, booked.booking_id, link)
    assert shown.client == booking_pb2.Client(client_id=known.client_id)
    assert shown.contact == booking_pb2.ContactDetails(
        name="Somebody Else",
        email=spelled,
        timezone="Asia/Tokyo",
        locale="en-US",
    )
    seen = get(practice.service, booked.booking_id, practice.owner).client
    assert (seen.name, seen.phone) == ("Mara Quill", "+12125550100")
    assert seen.email == practice.with_ada.contact.email
    with acting_as(link), pytest.raises(NotFound):
        practice.service.rpc.GetClient(GetClientRequest(client_id=known.client_id))


@pytest.mark.req("BK-8")
def test_bookings_are_filtered(practice: Practice) -> None:
    later = practice.book(practice.ada, 5, email=practice.with_bob.contact.email)
    ada, bob = practice.with_ada, practice.with_bob
    with acting_as(practice.owner):
        practice.service.rpc.CancelBooking(
            pb.CancelBookingRequest(booking_id=bob.booking_id, reason=CANCELLATION_REASON_OTHER)
        )
    everything = {ada.booking_id, bob.booking_id, later.booking_id}
    provider = str(practice.ada.id)
    for request, expected in (
        (pb.ListBookingsRequest(), everything),
        (pb.ListBookingsRequest(provider_id=provider), {ada.booking_id, later.booking_id}),
        (pb.ListBookingsRequest(client_id=ada.client.client_id), {ada.booking_id}),
        (
            pb.ListBookingsRequest(client_id=bob.client.client_id),
            {bob.booking_id, later.booking_id},
        ),
        (pb.ListBookingsRequest(statuses=[BOOKING_STATUS_CANCELLED]), {bob.booking_id}),
        (
            pb.ListBookingsRequest(statuses=[BOOKING_STATUS_CANCELLED, BOOKING_STATUS_CONFIRMED]),
            everything,
        ),
        (pb.ListBookingsRequest(from_time=later.start_time), {later.booking_id}),
        (
            pb.ListBookingsRequest(from_time=ada.start_time, to_time=later.start_time),
            {ada.booking_id, bob.booking_id},
        ),
        (pb.ListBookingsRequest(to_time=ada.start_time), set()),
        (pb.ListBookingsRequest(provider_id=str(ids.new())), set()),
    ):
        assert set(bookings(practice.service, practice.owner, request)) == expected, request
    assert (
        bookings(
            practice.service,
            practice.clinician(practice.bob),
            pb.ListBookingsRequest(provider_id=provider),
        )
        == []
    )


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (pb.ListBookingsRequest(provider_id="x"), "provider_id"),
        (pb.ListBookingsRequest(client_id="\x00"), "client_id"),
        (pb.ListBookingsRequest(statuses=[BookingStatus.ValueType(0)]), "statuses"),
        (pb.ListBookingsRequest(statuses=[BookingStatus.ValueType(77)]), "statuses"),
        (pb.ListBookingsRequest(page_size=201), "page_size"),
        (pb.ListBookingsRequest(page_size=-1), "page_size"),
        (pb.ListBookingsRequest(page_token="garbled"), "page_token"),
        (pb.ListBookingsRequest(from_time=Timestamp(seconds=2**60)), "from_time"),
        (
            pb.ListBookingsRequest(
                from_time=Timestamp(seconds=1_800_000_001), to_time=Timestamp(seconds=1_800_000_000)
            ),
            "to_time",
        ),
    ],
)
def test_a_wrong_filter_is_named(
    practice: Practice, request_: pb.ListBookingsRequest, field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        bookings(practice.service, practice.owner, request_)
    assert refused.value.field == field


def pages(service: Running, who: Identity) -> Iterator[list[booking_pb2.Booking]]:
    token = ""
    while True:
        with acting_as(who):
            answer = service.rpc.ListBookings(pb.ListBookingsRequest(page_size=3, page_token=token))
        yield list(answer.bookings)
        token = answer.next_page_token
        if not token:
            return


@pytest.mark.req("GW-3")
def test_pages_show_each_booking_once_though_others_are_made_meanwhile(alone: Running) -> None:
    practice, providers = ids.new(), [resource() for _ in range(3)]
    made = [
        alone.book(slot(terms(practice, provider), NINE + hours * HOUR)).booking_id
        for hours in (1, 2, 3)  # three start at the same time, each
        for provider in providers
    ]
    seen: list[str] = []
    for number, page in enumerate(pages(alone, staff(practice))):
        assert all(not booking.history for booking in page)
        seen += [booking.booking_id for booking in page]
        alone.book(slot(terms(practice, providers[0]), NINE - (number + 1) * HOUR))
    assert sorted(seen) == sorted(made)
    starts = [
        booking.start_time.seconds for page in pages(alone, staff(practice)) for booking in page
    ]
    assert len(starts) == 12
    assert starts == sorted(starts)


@pytest.mark.req("CL-3")
def test_providers_see_their_own_clients_and_owners_all(practice: Practice) -> None:
    ada, bob = practice.with_ada.client.client_id, practice.with_bob.client.client_id
    for who, expected in (
        (practice.owner, {ada, bob}),
        (service("billing", practice.id), {ada, bob}),
        (practice.clinician(practice.ada), {ada}),
        (practice.clinician(practice.bob), {bob}),
        (staff(practice.id, "supervisor"), set()),
        (staff(ids.new()), set()),
    ):
        assert set(clients(practice.service, who)) == expected
        for client_id in (ada, bob):
            request = GetClientRequest(client_id=client_id)
            with acting_as(who):
                if client_id in expected:
                    found = practice.service.rpc.GetClient(request).client
                    assert (found.client_id, found.name) == (client_id, "Mara Quill")
                else:
                    with pytest.raises(NotFound):
                        practice.service.rpc.GetClient(request)
    practice.book(practice.bob, 3, email=practice.with_ada.contact.email)
    assert set(clients(practice.service, practice.clinician(practice.bob))) == {ada, bob}
    with acting_as(client(practice.id, ada)):
        assert practice.service.rpc.GetClient(GetClientRequest(client_id=ada)).client.phone
        with pytest.raises(NotFound):
            practice.service.rpc.GetClient(GetClientRequest(client_id=bob))
        with pytest.raises(NotAllowed):
            practice.service.rpc.ListClients(ListClientsRequest())


@pytest.mark.req("CL-1")
def test_clients_come_in_pages_by_creation(alone: Running) -> None:
    practice, provider = ids.new(), resource()
    made = []
    for hours in range(7):
        booked = alone.book(slot(terms(practice, provider), NINE + hours * HOUR))
        made.append(booked.client.client_id)
        alone.clock.advance(timedelta(seconds=hours % 2))
    seen: list[str] = []
    token = ""
    with acting_as(staff(practice)):
        while token or not seen:
            answer = alone.rpc.ListClients(ListClientsRequest(page_size=2, page_token=token))
            seen += [c.client_id for c in answer.clients]
            token = answer.next_page_token
    assert sorted(seen) == sorted(made)
    assert len(seen) == 7


@pytest.mark.req("CL-1")
def test_owners_and_managers_set_the_billing_type(practice: Practice) -> None:
    own = practice.with_ada.client.client_id
    request = UpdateClientRequest(client_id=own, billing_type=BILLING_TYPE_INSURANCE)
    rpc = practice.service.rpc
    for who in (practice.clinician(practice.ada), client(practice.id, own), VISITOR):
        with acting_as(who), pytest.raises(DomainError) as refused:
            rpc.UpdateClient(request)
        assert refused.value.reason in ("NOT_ALLOWED", "UNAUTHENTICATED")
    with acting_as(staff(ids.new())), pytest.raises(NotFound):
        rpc.UpdateClient(request)
    with acting_as(practice.owner), pytest.raises(Invalid) as invalid:
        rpc.UpdateClient(UpdateClientRequest(client_id=own))
    assert invalid.value.field == "billing_type"
    with acting_as(staff(practice.id, "manager")):
        assert rpc.UpdateClient(request).client.billing_type == BILLING_TYPE_INSURANCE
    practice.book(practice.ada, 7, email=practice.with_ada.contact.email)
    last = events(practice.service.database, BookingConfirmed, practice.id)[-1]
    assert last.booking.billing_type == BILLING_TYPE_INSURANCE


@pytest.mark.req("GW-8")
def test_a_manage_link_opens_its_booking_and_no_other_text_does(practice: Practice) -> None:
    booked, rpc = practice.with_ada, practice.service.rpc
    for who in (Identity("service:gateway"), VISITOR):
        with acting_as(who):
            request = pb.ResolveManageTokenRequest(manage_token=booked.manage_token)
            assert rpc.ResolveManageToken(request) == pb.ResolveManageTokenResponse(
                booking_id=booked.booking_id,
                practice_id=str(practice.id),
                client_id=booked.client.client_id,
            )
            for text in ("", "x", "\x00", booked.manage_token[:-1], booked.manage_token + "x"):
                with pytest.raises(NotFound):
                    rpc.ResolveManageToken(pb.ResolveManageTokenRequest(manage_token=text))
    for who in (practice.owner, Identity("service:booking")):
        with acting_as(who), pytest.raises(NotAllowed):
            rpc.ResolveManageToken(request)


@pytest.mark.req("SL-8", "PF-4")
def test_services_read_what_is_taken(alone: Running) -> None:
    practice, provider, room = ids.new(), resource(), resource()
    held = terms(practice, provider, room, buffer_after=10)
    past = alone.book(slot(held, NOW - timedelta(minutes=60)))
    booked = alone.book(slot(held))
    hold = alone.hold(slot(held, NINE + HOUR), "visitor-1")
    for who in (service("availability", practice), service("availability")):
        with acting_as(who):
            answer = alone.rpc.ListTakenTime(ListTakenTimeRequest(resource_number=provider.number))
        assert answer.revision == 3
        assert [(t.ref, t.kind) for t in answer.taken] == [
            (booked.booking_id, TAKEN_KIND_BOOKING),
            (hold.hold_id, TAKEN_KIND_HOLD),
        ], "the past has ended, to the end of its buffer"
        (first, _) = answer.taken
        assert (first.resource_id, first.resource_number) == (str(provider.id), provider.number)
        assert first.session_start_time == booked.start_time
        assert first.end_time.seconds == booked.end_time.seconds + 600
    assert past.booking_id
    for number in (0, -1, 2**62):
        with acting_as(service("availability")):
            empty = alone.rpc.ListTakenTime(ListTakenTimeRequest(resource_number=number))
        assert empty == ListTakenTimeResponse()
    with acting_as(staff(practice)), pytest.raises(NotAllowed):
        alone.rpc.ListTakenTime(ListTakenTimeRequest(resource_number=provider.number))


@pytest.mark.req("BK-8", "BL-8")
def test_the_payment_status_is_what_billing_said_last(practice: Practice) -> None:
    booked = practice.with_ada

    def hear(status: booking_pb2.PaymentStatus.ValueType, version: int) -> None:
        event = PaymentStatusChanged(
            practice_id=str(practice.id),
            booking_id=booked.booking_id,
            payment_status=status,
            version=version,
        )
        subject, headers = event.DESCRIPTOR.full_name, {MESSAGE_ID: str(ids.new())}
        handlers.handle(practice.service.database, subject, event.SerializeToString(), headers)

    def shown() -> booking_pb2.Booking:
        return get(practice.service, booked.booking_id, practice.owner)

    for status, version, expected in (
        (PAYMENT_STATUS_DUE, 1, PAYMENT_STATUS_DUE),
        (PAYMENT_STATUS_REFUNDED, 3, PAYMENT_STATUS_REFUNDED),
        (PAYMENT_STATUS_PAID, 2, PAYMENT_STATUS_REFUNDED),
        (PAYMENT_STATUS_REFUNDED, 3, PAYMENT_STATUS_REFUNDED),
    ):
        hear(status, version)
        assert shown().payment_status == expected
    assert shown().version == booked.version, "an invitation has not changed"


def test_what_cannot_be_a_client_is_not_found(alone: Running) -> None:
    for text in ("", "x", "\x00", str(ids.new())):
        with acting_as(staff(ids.new())):
            with pytest.raises(NotFound):
                alone.rpc.GetClient(GetClientRequest(client_id=text))
            with pytest.raises(NotFound):
                alone.rpc.UpdateClient(
                    UpdateClientRequest(client_id=text, billing_type=BILLING_TYPE_INSURANCE)
                )


def test_a_visitor_names_the_hold_and_themselves(alone: Running) -> None:
    for request, field in (
        (ReleaseHoldRequest(hold_id="x", visitor_id="v"), "hold_id"),
        (ReleaseHoldRequest(hold_id=str(ids.new())), "visitor_id"),
        (ReleaseHoldRequest(hold_id=str(UUID(int=0)), visitor_id="a\x00"), "visitor_id"),
    ):
        with acting_as(VISITOR), pytest.raises(Invalid) as refused:
            alone.rpc.ReleaseHold(request)
        assert refused.value.field == field
