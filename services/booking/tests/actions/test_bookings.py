"""Holds and bookings, made under terms as availability gives them."""

from dataclasses import replace
from datetime import timedelta
from functools import partial
from uuid import UUID

import pytest
from sqlalchemy import func, select

from attune.booking.v1 import booking_pb2
from attune.booking.v1.booking_pb2 import (
    BILLING_TYPE_CASH,
    BOOKING_STATUS_CONFIRMED,
    BOOKING_STATUS_REQUESTED,
    TAKEN_KIND_BOOKING,
    TAKEN_KIND_HOLD,
)
from attune.booking.v1.events_pb2 import (
    BookingConfirmed,
    BookingFact,
    BookingRequested,
    TakenTimeChanged,
)
from attune.common.v1.types_pb2 import MODE_IN_PERSON, MODE_TELEHEALTH, Money
from attune_testing.concurrency import at_once
from booking import messages
from booking.actions import bookings
from booking.domain.actor import Actor, ActorKind
from booking.domain.contacts import contact
from booking.domain.occupancy import SlotTaken
from booking.domain.terms import Confirmation
from booking.store import clients
from booking.store.bookings import find_locked
from booking.store.tables import Booking, Client, Hold
from common import ids
from common.db.database import Database
from services.booking.tests.booking_world import (
    NINE,
    NOW,
    book,
    events,
    form,
    hold,
    refs,
    resource,
    slot,
    taken_events,
    terms,
)

VISITOR = "visitor-1"


@pytest.mark.req("BK-1")
def test_an_instant_booking_is_confirmed_and_takes_its_time_with_buffers(
    database: Database,
) -> None:
    practice, provider = ids.new(), resource()
    where = slot(terms(practice, provider, buffer_before=5, buffer_after=10))
    booked = book(database, where, form())
    assert booked.status == BOOKING_STATUS_CONFIRMED
    assert (booked.start_time.ToJsonString(), booked.end_time.ToJsonString()) == (
        "2026-11-02T14:00:00Z",
        "2026-11-02T14:50:00Z",
    )
    (changed,) = taken_events(database, provider)
    (taken,) = changed.taken
    assert (changed.revision, list(changed.released), booked.revision) == (1, [], "1")
    assert (taken.ref, taken.kind) == (booked.booking_id, TAKEN_KIND_BOOKING)
    assert [
        t.ToJsonString()[11:16]
        for t in (
            taken.start_time,
            taken.session_start_time,
            taken.session_end_time,
            taken.end_time,
        )
    ] == ["13:55", "14:00", "14:50", "15:00"]


@pytest.mark.req("BK-1")
@pytest.mark.parametrize(
    ("approval", "status", "kind", "other"),
    [
        (False, BOOKING_STATUS_CONFIRMED, BookingConfirmed, BookingRequested),
        (True, BOOKING_STATUS_REQUESTED, BookingRequested, BookingConfirmed),
    ],
)
def test_the_policy_decides_whether_it_is_a_booking_or_a_request(
    database: Database,
    approval: bool,
    status: booking_pb2.BookingStatus.ValueType,
    kind: type[BookingConfirmed | BookingRequested],
    other: type[BookingConfirmed | BookingRequested],
) -> None:
    practice, provider = ids.new(), resource()
    booked = book(database, slot(terms(practice, provider, approval=approval)), form())
    assert booked.status == status
    assert refs(database, provider) == [UUID(booked.booking_id)], "either way the time is taken"
    fact = BookingFact(
        booking_id=booked.booking_id,
        practice_id=str(practice),
        provider_id=str(provider.id),
        client_id=booked.client.client_id,
        status=status,
        mode=MODE_TELEHEALTH,
        start_time=booked.start_time,
        end_time=booked.end_time,
        version=1,
        price=Money(minor_units=15000, currency_code="USD"),
        billing_type=BILLING_TYPE_CASH,
    )
    assert events(database, kind, practice) == [kind(booking=fact)]
    assert events(database, other, practice) == []


@pytest.mark.req("BK-6")
def test_the_terms_are_frozen_on_the_booking(database: Database) -> None:
    practice, provider, room = ids.new(), resource(), resource()
    held = terms(practice, provider, room)
    booked = book(database, slot(held), form())
    assert (booked.mode, booked.address, booked.timezone) == (
        MODE_IN_PERSON,
        "1 Elm Street",
        "America/New_York",
    )
    (line,) = booked.service_lines
    assert line == booking_pb2.ServiceLine(
        service_type_id=str(held.service.service_type_id),
        slug="therapy-session",
        title="Therapy session",
        code="90834",
        duration_minutes=50,
        price=Money(minor_units=15000, currency_code="USD"),
        no_show_fee=Money(minor_units=8000, currency_code="USD"),
    )
    assert booked.cancel_until_time.ToJsonString() == "2026-11-01T14:00:00Z"
    with database.transaction(practice) as session:
        row = session.get_one(Booking, UUID(booked.booking_id))
    assert row.local_start.isoformat() == "2026-11-02T09:00:00"


@pytest.mark.req("BK-2")
def test_a_booking_that_loses_leaves_nothing_behind(database: Database) -> None:
    practice, provider = ids.new(), resource()
    where = slot(terms(practice, provider))
    book(database, where, form())
    with pytest.raises(SlotTaken):
        book(database, where, form())
    with database.transaction(practice) as session:
        assert session.scalar(select(func.count()).select_from(Client)) == 1
        assert session.scalar(select(func.count()).select_from(Booking)) == 1
    assert len(events(database, BookingConfirmed, practice)) == 1


@pytest.mark.req("CL-2")
def test_the_same_email_is_the_same_client(database: Database) -> None:
    practice, provider = ids.new(), resource()
    held = terms(practice, provider)
    first = book(database, slot(held), form("mara@clinic.example", name="Mara Quill"))
    again = form("MARA@clinic.example", name="M. Q.", phone="+12125550100")
    second = book(database, slot(held, NINE + timedelta(hours=1)), again)
    elsewhere = book(database, slot(terms(ids.new(), resource())), again)
    assert first.client.client_id == second.client.client_id != elsewhere.client.client_id
    with database.transaction(practice) as session:
        (known,) = session.scalars(select(Client))
    assert (known.name, known.phone) == ("Mara Quill", "")
    assert (second.contact.name, second.contact.phone) == ("M. Q.", "+12125550100")


@pytest.mark.req("CL-2")
def test_twenty_first_bookings_at_once_make_one_client(database: Database) -> None:
    practice, provider = ids.new(), resource()
    held, typed = terms(practice, provider), form()
    booked = at_once(
        [partial(book, database, slot(held, NINE + timedelta(hours=n)), typed) for n in range(20)]
    )
    people = {b.client.client_id for b in booked if isinstance(b, booking_pb2.Booking)}
    assert (len(booked), len(people)) == (20, 1)
    with database.transaction(practice) as session:
        assert session.scalar(select(func.count()).select_from(Client)) == 1


@pytest.mark.req("CL-3")
def test_whoever_books_with_a_known_email_learns_nothing_of_its_owner(database: Database) -> None:
    practice, provider = ids.new(), resource()
    held = terms(practice, provider)
    owner = form(name="Mara Quill", phone="+12125550100", timezone="Asia/Tokyo")
    book(database, slot(held), owner)
    with database.transaction(practice) as session:
        known = session.scalars(select(Client)).one()
        known.status = clients.ACTIVE
    stranger = form(owner.contact.email.text, name="Somebody", timezone="UTC")
    booked = book(database, slot(held, NINE + timedelta(hours=1)), stranger)
    assert booked.client == booking_pb2.Client(client_id=str(known.id))
    assert booked.contact == booking_pb2.ContactDetails(
        name="Somebody", email=owner.contact.email.text, timezone="UTC", locale="en-US"
    )


@pytest.mark.req("BK-3")
def test_a_hold_blocks_others_and_becomes_its_visitors_booking(database: Database) -> None:
    practice, provider, room = ids.new(), resource(), resource()
    where = slot(terms(practice, provider, room))
    held = hold(database, where)
    assert held.expire_time.ToDatetime(tzinfo=NOW.tzinfo) == NOW + timedelta(minutes=5)
    assert held.revision == "1"
    hold_id = UUID(held.hold_id)
    for other in (
        form(),
        form(hold_id=hold_id),
        form(hold_id=hold_id, visitor_id="visitor-2"),
        form(hold_id=ids.new(), visitor_id=VISITOR),
    ):
        with pytest.raises(SlotTaken):
            book(database, where, other)
    with pytest.raises(SlotTaken):
        hold(database, where, "visitor-2")
    booked = book(database, where, form(hold_id=hold_id, visitor_id=VISITOR))
    assert refs(database, provider) == refs(database, room) == [UUID(booked.booking_id)]
    for of in (provider, room):
        first, second = taken_events(database, of)
        assert [t.kind for t in (*first.taken, *second.taken)] == [
            TAKEN_KIND_HOLD,
            TAKEN_KIND_BOOKING,
        ]
        assert (list(second.released), second.revision) == ([held.hold_id], 2)
    with database.transaction(practice) as session:
        assert session.scalars(select(Hold)).all() == []


@pytest.mark.req("BK-3")
def test_a_visitor_has_one_hold_with_a_provider(database: Database) -> None:
    practice, one, other = ids.new(), resource(), resource()
    later = NINE + timedelta(hours=1)
    first = hold(database, slot(terms(practice, one)))
    elsewhere = hold(database, slot(terms(practice, other)))
    second = hold(database, slot(terms(practice, one), later))
    assert refs(database, one) == [UUID(second.hold_id)]
    assert refs(database, other) == [UUID(elsewhere.hold_id)]
    (_, change) = taken_events(database, one)
    assert (list(change.released), [t.ref for t in change.taken], change.revision) == (
        [first.hold_id],
        [second.hold_id],
        2,
    )
    again = hold(database, slot(terms(practice, one), later))
    assert refs(database, one) == [UUID(again.hold_id)], "the same slot can be held anew"


@pytest.mark.req("BK-3")
def test_a_visitor_who_clicks_everywhere_at_once_has_one_hold(database: Database) -> None:
    practice, provider = ids.new(), resource()
    held = terms(practice, provider)
    made = at_once(
        [partial(hold, database, slot(held, NINE + timedelta(hours=n))) for n in range(16)]
    )
    assert {type(one) for one in made} == {booking_pb2.Hold}
    assert len(refs(database, provider)) == 1
    revisions = [change.revision for change in taken_events(database, provider)]
    assert revisions == list(range(1, 17))


@pytest.mark.req("BK-3")
def test_a_hold_that_cannot_be_had_leaves_the_earlier_one(database: Database) -> None:
    practice, provider = ids.new(), resource()
    held = terms(practice, provider)
    book(database, slot(held), form())
    kept = hold(database, slot(held, NINE + timedelta(hours=1)))
    with pytest.raises(SlotTaken):
        hold(database, slot(held))
    assert UUID(kept.hold_id) in refs(database, provider)


@pytest.mark.req("BK-2")
def test_two_providers_cannot_use_one_room_at_a_time(database: Database) -> None:
    practice, one, other, room = ids.new(), resource(), resource(), resource()
    book(database, slot(terms(practice, one, room)), form())
    with pytest.raises(SlotTaken):
        book(database, slot(terms(practice, other, room)), form())
    assert book(database, slot(terms(practice, other)), form()), "without the room it goes"


@pytest.mark.req("PF-3")
def test_events_of_a_booking_come_after_the_time_it_takes(database: Database) -> None:
    practice, provider = ids.new(), resource()
    booked = book(database, slot(terms(practice, provider)), form())
    (confirmed,) = events(database, BookingConfirmed, practice)
    (changed,) = events(database, TakenTimeChanged, practice)
    assert confirmed.booking.booking_id == changed.taken[0].ref == booked.booking_id


@pytest.mark.req("BK-5", "BK-6")
def test_staff_book_several_services_for_a_known_client_at_once(database: Database) -> None:
    practice, provider = ids.new(), resource()
    held = terms(practice, provider, approval=True)
    earlier = book(database, slot(held, NINE + timedelta(hours=1)), form(phone="+12125550100"))
    more = replace(held.service, slug="assessment", title="Assessment", price=7000)
    staff = Actor(ActorKind.PRACTICE, str(ids.new()))
    with database.transaction(practice) as session:
        client = session.get_one(Client, UUID(earlier.client.client_id))
        row = bookings.book(
            session,
            staff,
            replace(held, duration=timedelta(minutes=90)),
            NINE - timedelta(hours=2),
            services=[held.service, more],
            confirmation=Confirmation.INSTANT,
            contact=contact(client.name, client.email, client.phone, client.timezone, ""),
            client=client,
            now=NOW,
        )
    with database.transaction(practice) as session:
        stored = find_locked(session, row.id)
        assert stored
        shown = messages.booking(stored, messages.Viewer.STAFF, NOW)
    assert (shown.status, shown.client.client_id) == (
        BOOKING_STATUS_CONFIRMED,
        earlier.client.client_id,
    )
    assert (shown.client.phone, shown.client.timezone) == ("+12125550100", "Europe/Berlin")
    assert shown.end_time.seconds - shown.start_time.seconds == 90 * 60
    assert [(line.slug, line.price.minor_units) for line in shown.service_lines] == [
        ("therapy-session", 15000),
        ("assessment", 7000),
    ]
    assert [(h.actor, h.actor_id, h.change) for h in shown.history] == [
        ("practice", staff.id, "confirmed")
    ]
    (confirmed,) = events(database, BookingConfirmed, practice)
    assert confirmed.booking.price.minor_units == 22000
