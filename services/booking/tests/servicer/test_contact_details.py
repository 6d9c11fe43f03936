"""Each booking keeps the contact details that were typed for it; the client's record stays."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import timedelta

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from attune.booking.v1 import booking_pb2
from attune.booking.v1 import booking_service_pb2 as pb
from attune_testing.identities import client, staff
from booking import command
from booking.store.tables import Booking, Client
from common import ids
from common.db import encryption
from common.db.database import Database
from common.errors import Invalid, NotAllowed
from common.rpc.identity import acting_as
from services.booking.tests.booking_world import NINE, Running, form, resource, slot, terms

HOUR = timedelta(hours=1)


class Practice:
    """A practice with one provider, at which people book hour after hour."""

    def __init__(self, service: Running) -> None:
        self.service, self.id = service, ids.new()
        self.provider, self._hours = resource(), 0
        self.owner = staff(self.id)

    def book(self, email: str, name: str = "Mara Quill", phone: str = "") -> booking_pb2.Booking:
        self._hours += 1
        where = slot(terms(self.id, self.provider), NINE + self._hours * HOUR)
        return self.service.book(where, form(email, name=name, phone=phone))

    def seen(self, booking: booking_pb2.Booking) -> booking_pb2.Booking:
        with acting_as(self.owner):
            request = pb.GetBookingRequest(booking_id=booking.booking_id)
            return self.service.rpc.GetBooking(request).booking

    def clients(self) -> list[tuple[str, int]]:
        """Return each client's email and the version of its index."""
        with self.service.database.transaction(self.id) as session:
            found = session.scalars(select(Client)).all()
            return sorted((row.email, row.email_index_version) for row in found)

    def age(self, email: str, indexed_as: str) -> None:
        """Store a client as an early release did, which indexed clients by a folded address."""
        with self.service.database.transaction(self.id) as session:
            (row,) = [row for row in session.scalars(select(Client)) if row.email == email]
            row.email_index = encryption.ring().index(indexed_as, "client.email")
            row.email_index_version = 1


@pytest.fixture
def practice(alone: Running) -> Practice:
    return Practice(alone)


MARIA = ("family@example.com", "Maria Souza", "+5511912345678")


@pytest.mark.req("BK-8", "CL-2")
@pytest.mark.parametrize(
    ("email", "name", "phone"),
    [
        ("Family@Example.com", "Pedro Souza", "+442079460958"),
        ("family@example.com", "Maria Lima", "+5511912345678"),
        ("family@example.com", "Maria Souza", "+12125550100"),
        ("FAMILY@example.com", "Maria Souza", "+5511912345678"),
        ("family@example.com", "Maria Souza", ""),
        ("family@example.com", "Ana", "+12125550100;ext=5"),
    ],
)
def test_what_was_typed_is_shown_for_its_booking_beside_the_record(
    practice: Practice, email: str, name: str, phone: str
) -> None:
    first, second = practice.book(*MARIA), practice.book(email, name, phone)
    seen, before = practice.seen(second), practice.seen(first)
    assert (seen.contact.name, seen.contact.email, seen.contact.phone) == (name, email, phone)
    assert (before.contact.name, before.contact.email, before.contact.phone) == (
        MARIA[1],
        MARIA[0],
        MARIA[2],
    )
    for shown in (seen, before):
        record = shown.client
        assert (record.name, record.email, record.phone) == (MARIA[1], MARIA[0], MARIA[2])
    assert seen.client.client_id == before.client.client_id


@pytest.mark.req("CL-2", "BK-4")
def test_owners_put_what_was_typed_on_record(practice: Practice) -> None:
    practice.book(*MARIA)
    married = practice.book("Family@example.com", "Maria Lima", "+12125550100")
    request = pb.UpdateClientFromBookingRequest(booking_id=married.booking_id, request_id="once")
    for who in (
        staff(practice.id, "clinician", provider_id=practice.provider.id),
        client(practice.id, married.client.client_id, married.booking_id),
    ):
        with acting_as(who), pytest.raises(NotAllowed):
            practice.service.rpc.UpdateClientFromBooking(request)
    for _ in range(2):
        with acting_as(practice.owner):
            changed = practice.service.rpc.UpdateClientFromBooking(request).booking
        record = changed.client
        assert (record.name, record.email, record.phone) == (
            "Maria Lima",
            "Family@example.com",
            "+12125550100",
        )
    again = practice.book("family@example.com", "Maria Lima")
    assert again.client.client_id == married.client.client_id


@pytest.mark.req("BK-8")
def test_a_booking_of_an_early_release_shows_the_email_on_record(practice: Practice) -> None:
    made = practice.book(*MARIA)
    with practice.service.database.transaction(practice.id) as session:
        session.scalars(select(Booking)).one().typed_email = ""
    assert practice.seen(made).contact.email == MARIA[0]


@pytest.mark.req("CL-2")
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("anna@straße.example", "anna@strasse.example"),
        ("anna@strasse.example", "anna@straße.example"),
        ("anna@faß.example", "anna@fass.example"),
        ("anna@βόλος.example", "anna@βόλοσ.example"),
        ("Anna@groß.example", "ANNA@GROSS.example"),
        ("anna@weiß.example", "anna@weiss.example"),
    ],
)
def test_addresses_that_mail_tells_apart_are_two_clients(
    practice: Practice, one: str, other: str
) -> None:
    first, second = practice.book(one), practice.book(other)
    assert first.client.client_id != second.client.client_id
    assert practice.book(one).client.client_id == first.client.client_id
    assert practice.book(other).client.client_id == second.client.client_id


@pytest.mark.req("CL-2")
@pytest.mark.parametrize("command_first", [True, False])
@pytest.mark.parametrize(
    "email", ["anna@straße.example", "anna@strasse.example", "mara@clinic.example"]
)
def test_a_client_of_an_early_release_is_found_before_and_after_the_command(
    practice: Practice, email: str, command_first: bool
) -> None:
    known = practice.book(email)
    practice.age(email, email.casefold())
    if command_first:
        _reindex(practice.service.database)
    assert practice.book(email).client.client_id == known.client.client_id
    assert practice.clients() == [(email, 2)]


@pytest.mark.req("CL-2")
def test_another_persons_old_index_is_no_obstacle(practice: Practice) -> None:
    """Early releases kept straße where strasse belongs."""
    known = practice.book("anna@straße.example")
    practice.age("anna@straße.example", "anna@strasse.example")
    other = practice.book("anna@strasse.example")
    assert other.client.client_id != known.client.client_id
    assert practice.book("anna@straße.example").client.client_id == known.client.client_id
    assert practice.clients() == [("anna@strasse.example", 2), ("anna@straße.example", 2)]


def test_the_command_renews_all_indexes_and_can_be_repeated(practice: Practice) -> None:
    people = [f"p{n}@straße.example" for n in range(3)]
    for email in people:
        practice.book(email)
        practice.age(email, email.casefold())
    assert "0 remain" in _reindex(practice.service.database)
    assert practice.clients() == [(email, 2) for email in people]
    assert "of 0 clients; 0 remain" in _reindex(practice.service.database)


def test_an_address_that_no_mail_reaches_keeps_its_client(practice: Practice) -> None:
    practice.book("jorg@example.com")
    with practice.service.database.transaction(practice.id) as session:
        row = session.scalars(select(Client)).one()
        row.email, row.email_index_version = "jörg@example.com", 1
    _reindex(practice.service.database)
    assert practice.clients() == [("jörg@example.com", 2)]


@pytest.mark.req("BK-1")
@pytest.mark.parametrize("phone", ["", "  ", "hello", "+1 555 0100", "12", "+1 111 555 0100"])
def test_a_session_by_phone_needs_a_number_that_can_be_called(
    practice: Practice, phone: str
) -> None:
    by_phone = slot(replace(terms(practice.id, practice.provider), mode="phone"), NINE)
    with pytest.raises(Invalid) as refused:
        practice.service.book(by_phone, form("mara@clinic.example", phone=phone))
    assert refused.value.field == "client.phone"
    assert (refused.value.reason == "PHONE_REQUIRED") is not bool(phone.strip())
    assert practice.clients() == []


class Attune:
    """The running Attune, with one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def database(self, _service: str) -> AbstractContextManager[Database]:
        return nullcontext(self._database)


def _reindex(database: Database) -> str:
    run = CliRunner().invoke(command.clients, ["reindex"], obj=Attune(database))
    assert run.exit_code == 0, run.output
    return run.output
