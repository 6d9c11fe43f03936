"""CreateBooking and CreateHold with a real availability (spec BK-1 to BK-4)."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import func, select

from attune.availability.v1 import availability_pb2 as av
from attune.availability.v1.hours_service_pb2 import ReplaceWeeklyHoursRequest
from attune.availability.v1.physical_room_service_pb2 import CreatePhysicalRoomRequest
from attune.availability.v1.policy_service_pb2 import GetPoliciesRequest, ReplacePoliciesRequest
from attune.availability.v1.practice_service_pb2 import CreatePracticeRequest
from attune.availability.v1.provider_service_pb2 import CreateProviderRequest
from attune.availability.v1.service_type_service_pb2 import (
    CreateServiceTypeRequest,
    ListServiceTypesRequest,
    UpdateServiceTypeRequest,
)
from attune.availability.v1.slot_service_pb2 import SearchSlotsRequest
from attune.booking.v1 import booking_pb2
from attune.booking.v1 import booking_service_pb2 as pb
from attune.booking.v1.booking_pb2 import BOOKING_STATUS_CONFIRMED, BOOKING_STATUS_REQUESTED
from attune.booking.v1.events_pb2 import BookingConfirmed, BookingRequested, TakenTimeChanged
from attune.booking.v1.hold_service_pb2 import CreateHoldRequest
from attune.common.v1.types_pb2 import (
    CLIENT_STATUS_ACTIVE,
    CLIENT_STATUS_INACTIVE,
    CLIENT_STATUS_NEW,
    MODE_IN_PERSON,
    MODE_PHONE,
    MODE_TELEHEALTH,
    ClientStatus,
    Mode,
    Money,
)
from attune_testing.concurrency import at_once
from attune_testing.identities import client, staff
from booking.store.tables import Booking, Client, Occupancy
from common import ids, proto
from common.db.database import EVERY_PRACTICE
from common.errors import Conflict, DomainError, Invalid, NotFound, Refused, Unavailable
from common.rpc.identity import VISITOR, Identity, acting_as
from services.booking.tests.booking_world import NINE, NOW, Both, Running, events

HOUR = timedelta(hours=1)
OPERATOR = Identity("service:operator")


class Practice:
    """A practice of its own with one provider, who works from 9 to 17 in New York."""

    def __init__(
        self, both: Both, rooms: bool = False, synthetic: bool = False, **policies: Any
    ) -> None:
        self.both, self.username = both, f"p-{ids.new().hex[:12]}"
        with acting_as(OPERATOR):
            made = both.availability.CreatePractice(
                CreatePracticeRequest(
                    practice=av.Practice(
                        name="Elm Street",
                        timezone="America/New_York",
                        currency_code="USD",
                        address="1 Elm Street",
                        policies=av.Policies(**policies),
                        synthetic=synthetic,
                    )
                )
            )
        self.id = made.practice.practice_id
        self.owner = staff(self.id)
        with acting_as(self.owner):
            self.room_id = self._room() if rooms else ""
            both.availability.CreateServiceType(
                CreateServiceTypeRequest(
                    service_type=av.ServiceType(
                        slug="therapy-session",
                        title="Therapy session",
                        duration_minutes=50,
                        modes=[MODE_TELEHEALTH, MODE_IN_PERSON, MODE_PHONE],
                        step_minutes=10,
                        active=True,
                        online=True,
                        telehealth_enabled=True,
                        price=Money(minor_units=15000, currency_code="USD"),
                    )
                )
            )
        self.provider_id = self.add_provider(self.username)

    def _room(self) -> str:
        answer = self.both.availability.CreatePhysicalRoom(
            CreatePhysicalRoomRequest(physical_room=av.PhysicalRoom(name="Blue room"))
        )
        return answer.physical_room.room_id

    def add_provider(self, username: str) -> str:
        with acting_as(self.owner):
            provider = self.both.availability.CreateProvider(
                CreateProviderRequest(
                    provider=av.Provider(
                        username=username, display_name="Ada", timezone="America/New_York"
                    )
                )
            ).provider
            blocks = [
                av.WeeklyBlock(day=day, start="09:00", end="17:00", room_id=self.room_id)
                for day in range(7)
            ]
            self.both.availability.ReplaceWeeklyHours(
                ReplaceWeeklyHoursRequest(username=username, hours=av.WeeklyHours(blocks=blocks))
            )
        return provider.provider_id

    def set_policies(self, **policies: Any) -> None:
        with acting_as(self.owner):
            present = self.both.availability.GetPolicies(GetPoliciesRequest())
            present.policies.MergeFrom(av.Policies(**policies))
            self.both.availability.ReplacePolicies(
                ReplacePoliciesRequest(policies=present.policies, version=present.version)
            )

    def free(self, revision: str = "") -> set[datetime]:
        """Return the starts of the day that a search finds."""
        midnight = int(NINE.timestamp()) // 60 - 9 * 60
        with acting_as(VISITOR):
            answer = self.both.availability.SearchSlots(
                SearchSlotsRequest(
                    username=self.username,
                    service="therapy-session",
                    mode=MODE_TELEHEALTH,
                    first_minute=midnight,
                    end_minute=midnight + 1440,
                    revision=revision,
                )
            )
        return {datetime.fromtimestamp(m * 60, NINE.tzinfo) for m in answer.start_minutes}

    def known_as(self, email: str, status: ClientStatus.ValueType) -> None:
        """Set the status of an email's owner with the practice."""
        with self.both.database.transaction(self.id) as session:
            for row in session.scalars(select(Client)):
                if row.email == email:
                    row.status = proto.word(ClientStatus, status)


def stamp(instant: datetime) -> Timestamp:
    message = Timestamp()
    message.FromDatetime(instant)
    return message


def wish(
    practice: Practice,
    start: datetime = NINE,
    email: str = "",
    mode: Mode.ValueType = MODE_TELEHEALTH,
    **more: Any,
) -> pb.CreateBookingRequest:
    email = email or f"c-{ids.new().hex[:10]}@clinic.example"
    return pb.CreateBookingRequest(
        username=practice.username,
        service="therapy-session",
        mode=mode,
        start_time=stamp(start),
        contact=booking_pb2.ContactDetails(
            name="Mara Quill", email=email, timezone="Europe/Berlin"
        ),
        **more,
    )


def book(
    service: Running, request: pb.CreateBookingRequest, who: Identity = VISITOR
) -> booking_pb2.Booking:
    with acting_as(who):
        return service.rpc.CreateBooking(request).booking


def hold(
    practice: Practice,
    start: datetime = NINE,
    visitor: str = "visitor-1",
    request_id: str = "",
    who: Identity = VISITOR,
) -> booking_pb2.Hold:
    with acting_as(who):
        request = CreateHoldRequest(
            request_id=request_id,
            username=practice.username,
            service="therapy-session",
            mode=MODE_TELEHEALTH,
            start_time=stamp(start),
            visitor_id=visitor,
        )
        return practice.both.rpc.CreateHold(request).hold


def taken_refs(practice: Practice) -> list[UUID]:
    with practice.both.database.transaction(practice.id) as session:
        return list(session.scalars(select(Occupancy.ref).order_by(Occupancy.start_at)))


def failure(call: Callable[[], object]) -> DomainError:
    with pytest.raises(DomainError) as refused:
        call()
    return refused.value


@pytest.mark.req("BK-1", "SL-8")
def test_a_free_slot_is_booked_and_gone_from_the_search_that_names_the_revision(
    both: Both,
) -> None:
    practice = Practice(both)
    assert NINE in practice.free()
    booked = book(both, wish(practice))
    assert (booked.status, booked.username, booked.provider_id, booked.practice_id) == (
        BOOKING_STATUS_CONFIRMED,
        practice.username,
        practice.provider_id,
        practice.id,
    )
    assert booked.manage_token
    after = practice.free(booked.revision)
    assert NINE not in after
    assert NINE + HOUR in after
    (line,) = booked.service_lines
    assert (line.slug, line.duration_minutes, line.price.minor_units) == (
        "therapy-session",
        50,
        15000,
    )


@pytest.mark.req("BK-1")
def test_by_policy_it_is_a_request(both: Both) -> None:
    practice = Practice(both, confirmation=av.CONFIRMATION_APPROVAL)
    booked = book(both, wish(practice))
    assert booked.status == BOOKING_STATUS_REQUESTED
    assert NINE not in practice.free(booked.revision)
    (requested,) = events(both.database, BookingRequested, practice.id)
    assert requested.booking.booking_id == booked.booking_id


@pytest.mark.req("BK-2", "SL-8")
def test_64_book_one_slot_at_once_and_one_has_it(both: Both) -> None:
    practice = Practice(both)
    book(both, wish(practice, NINE + 5 * HOUR))  # not the first of the practice
    results = at_once([partial(book, both, wish(practice)) for _ in range(64)])
    won = [r for r in results if isinstance(r, booking_pb2.Booking)]
    lost = [r for r in results if isinstance(r, DomainError)]
    assert (len(won), len(lost)) == (1, 63)
    assert {(type(r), r.reason) for r in lost} == {(Conflict, "SLOT_TAKEN")}
    assert {r.details["revision"] for r in lost} == {won[0].revision} == {"2"}
    assert NINE not in practice.free(lost[0].details["revision"])
    assert taken_refs(practice)[0] == UUID(won[0].booking_id)
    assert len(taken_refs(practice)) == 2
    assert len(events(both.database, BookingConfirmed, practice.id)) == 2
    with both.database.transaction(practice.id) as session:
        assert session.scalar(select(func.count()).select_from(Booking)) == 2
        assert session.scalar(select(func.count()).select_from(Client)) == 2


@pytest.mark.req("BK-2", "SL-8")
def test_64_book_overlapping_starts_at_once_and_nothing_overlaps(both: Both) -> None:
    practice = Practice(both)
    starts = [NINE + timedelta(minutes=10 * (n % 32)) for n in range(64)]
    results = at_once([partial(book, both, wish(practice, start)) for start in starts])
    won = [r for r in results if isinstance(r, booking_pb2.Booking)]
    assert {r.reason for r in results if isinstance(r, DomainError)} == {"SLOT_TAKEN"}
    assert set(taken_refs(practice)) == {UUID(b.booking_id) for b in won}
    seconds = sorted(b.start_time.seconds for b in won)
    assert all(later - earlier >= 3000 for earlier, later in pairwise(seconds))
    changes = events(both.database, TakenTimeChanged, practice.id)
    assert [change.revision for change in changes] == list(range(1, len(won) + 1))


@pytest.mark.req("BK-2")
def test_a_physical_room_is_booked_once_by_whatever_provider(both: Both) -> None:
    practice = Practice(both, rooms=True)
    other = f"p-{ids.new().hex[:12]}"
    practice.add_provider(other)
    in_room = wish(practice, mode=MODE_IN_PERSON)
    with_other = wish(practice, mode=MODE_IN_PERSON)
    with_other.username = other
    results = at_once([partial(book, both, r) for r in (in_room, with_other) * 8])
    assert sum(isinstance(r, booking_pb2.Booking) for r in results) == 1
    assert {r.reason for r in results if isinstance(r, DomainError)} == {"SLOT_TAKEN"}
    assert len(taken_refs(practice)) == 2, "the provider and the room"


@pytest.mark.req("BK-2")
def test_the_room_is_taken_for_one_and_the_other_sees_their_client_online(both: Both) -> None:
    practice = Practice(both, rooms=True)
    other = f"p-{ids.new().hex[:12]}"
    practice.add_provider(other)
    booked = book(both, wish(practice, mode=MODE_IN_PERSON))
    assert booked.address == "Blue room, 1 Elm Street"
    request = wish(practice, mode=MODE_IN_PERSON)
    request.username = other
    assert failure(partial(book, both, request)).reason == "SLOT_TAKEN"
    request.mode = MODE_TELEHEALTH
    assert book(both, request).status == BOOKING_STATUS_CONFIRMED


@pytest.mark.req("BK-4")
def test_20_who_repeat_one_request_get_one_booking_and_equal_answers(both: Both) -> None:
    practice = Practice(both)
    request = wish(practice, request_id=str(ids.new()))
    answers = at_once([partial(book, both, request)] * 20)
    assert {type(answer) for answer in answers} == {booking_pb2.Booking}
    assert all(answer == answers[0] for answer in answers)
    assert len(taken_refs(practice)) == 1
    assert len(events(both.database, BookingConfirmed, practice.id)) == 1


@pytest.mark.req("BK-4")
def test_a_repeat_is_answered_as_at_first_whatever_has_happened_since(both: Both) -> None:
    practice = Practice(both)
    request = wish(practice, request_id=str(ids.new()))
    first = book(both, request)
    practice.set_policies(clients_may_schedule=False)
    assert book(both, request) == first
    both.clock.present = NINE + HOUR
    assert book(both, request) == first
    request.request_id = str(ids.new())
    assert failure(partial(book, both, request)).reason == "SELF_SCHEDULING_OFF"


@pytest.mark.req("BK-4")
def test_a_key_that_is_used_again_with_other_content_is_refused(both: Both) -> None:
    practice = Practice(both)
    request = wish(practice, request_id=str(ids.new()))
    book(both, request)
    for start in (NINE + HOUR, NINE, NINE - 10 * HOUR):
        reused = wish(practice, start, request_id=request.request_id)
        refused = failure(partial(book, both, reused))
        assert (type(refused), refused.reason) == (Conflict, "REQUEST_ID_REUSED")
    assert len(taken_refs(practice)) == 1


@pytest.mark.req("BK-4")
def test_a_key_belongs_to_one_provider_and_one_kind_of_caller(both: Both) -> None:
    one, other = Practice(both), Practice(both)
    key = str(ids.new())
    first = book(both, wish(one, request_id=key))
    second = book(both, wish(other, request_id=key))
    third = book(both, wish(one, NINE + HOUR, request_id=key), client(one.id, ids.new()))
    assert len({first.booking_id, second.booking_id, third.booking_id}) == 3


@pytest.mark.req("BK-4")
def test_a_key_belongs_to_one_visitor(both: Both) -> None:
    practice, key = Practice(both), str(ids.new())
    mine = wish(practice, request_id=key, visitor_id="visitor-1")
    first = book(both, mine)
    theirs = wish(practice, NINE + HOUR, request_id=key, visitor_id="visitor-2")
    assert book(both, theirs).booking_id != first.booking_id
    copied = pb.CreateBookingRequest()
    copied.CopyFrom(mine)
    copied.visitor_id = "visitor-2"
    assert failure(partial(book, both, copied)).reason == "REQUEST_ID_REUSED"
    copied.visitor_id = "visitor-3"
    assert failure(partial(book, both, copied)).reason == "SLOT_TAKEN"
    assert book(both, mine) == first
    assert hold(practice, NINE + 2 * HOUR, "visitor-1", key)
    assert hold(practice, NINE + 3 * HOUR, "visitor-2", key)
    with pytest.raises(Conflict, match="already used"):
        hold(practice, NINE + 4 * HOUR, "visitor-2", key)


@pytest.mark.req("BK-4")
def test_a_lost_race_leaves_the_key_free_for_another_try(both: Both) -> None:
    practice = Practice(both)
    book(both, wish(practice))
    request = wish(practice, request_id=str(ids.new()))
    assert failure(partial(book, both, request)).reason == "SLOT_TAKEN"
    request.start_time.CopyFrom(stamp(NINE + HOUR))
    assert book(both, request).status == BOOKING_STATUS_CONFIRMED


@pytest.mark.req("BK-4")
def test_a_hold_that_is_asked_for_twice_is_one(both: Both) -> None:
    practice, key = Practice(both), str(ids.new())
    results = at_once([partial(hold, practice, request_id=key)] * 8)
    assert {type(result) for result in results} == {booking_pb2.Hold}
    assert all(result == results[0] for result in results)
    assert len(taken_refs(practice)) == 1


@pytest.mark.req("BK-3", "SL-8")
def test_a_hold_keeps_the_slot_for_its_visitor_and_lapses(both: Both) -> None:
    practice = Practice(both, hold_minutes=3)
    held = hold(practice)
    assert held.expire_time == stamp(NOW + timedelta(minutes=3))
    assert NINE not in practice.free(held.revision)
    assert failure(partial(book, both, wish(practice))).reason == "SLOT_TAKEN"
    assert failure(partial(hold, practice, visitor="visitor-2")).reason == "SLOT_TAKEN"
    booked = book(both, wish(practice, hold_id=held.hold_id, visitor_id="visitor-1"))
    assert taken_refs(practice) == [UUID(booked.booking_id)]

    other = hold(practice, NINE + HOUR)
    both.clock.advance(timedelta(minutes=3))
    assert book(both, wish(practice, NINE + HOUR)).status == BOOKING_STATUS_CONFIRMED
    assert UUID(other.hold_id) not in taken_refs(practice)


@pytest.mark.req("BK-3")
def test_a_hold_obeys_the_rules_of_booking(both: Both) -> None:
    practice = Practice(both)
    for start, reason in (
        (NINE - HOUR, "OUTSIDE_HOURS"),
        (NOW, "TOO_SOON"),
        (NINE + timedelta(minutes=1), "OFF_GRID"),
        (NINE + timedelta(days=400), "TOO_FAR"),
    ):
        refused = failure(partial(hold, practice, start))
        assert (type(refused), refused.reason) == (Refused, reason)
    assert taken_refs(practice) == []


@pytest.mark.req("BK-1", "AV-15")
@pytest.mark.parametrize(
    ("changes", "kind", "reason"),
    [
        ({"username": "nobody-here"}, NotFound, "PROVIDER_NOT_FOUND"),
        ({"username": "No body!"}, NotFound, "PROVIDER_NOT_FOUND"),
        ({"service": "no-such"}, NotFound, "SERVICE_TYPE_NOT_FOUND"),
        ({"start_time": stamp(NINE - HOUR)}, Refused, "OUTSIDE_HOURS"),
        ({"start_time": stamp(NINE + timedelta(seconds=30))}, Refused, "OFF_GRID"),
        ({"start_time": stamp(NOW - HOUR)}, Refused, "TOO_SOON"),
    ],
)
def test_the_first_failing_rule_is_named(
    both: Both, changes: dict[str, Any], kind: type[DomainError], reason: str
) -> None:
    practice = Practice(both)
    request = wish(practice)
    request.MergeFrom(pb.CreateBookingRequest(**changes))
    refused = failure(partial(book, both, request))
    assert (type(refused), refused.reason) == (kind, reason)
    assert taken_refs(practice) == []


LONG = "x" * 5000
BAD_FIELDS: list[tuple[dict[str, Any], str]] = [
    ({"username": ""}, "username"),
    ({"username": "a\x00b"}, "username"),
    ({"username": LONG}, "username"),
    ({"service": " "}, "service"),
    ({"service": "a\x00b"}, "service"),
    ({"mode": 0}, "mode"),
    ({"mode": 17}, "mode"),
    ({"start_time": Timestamp(seconds=2**55)}, "start_time"),
    ({"start_time": Timestamp(seconds=1_793_628_000, nanos=-5)}, "start_time"),
    ({"note": LONG}, "note"),
    ({"note": "a\x00b"}, "note"),
    ({"hold_id": "x"}, "hold_id"),
    ({"visitor_id": "a\x00b"}, "visitor_id"),
    ({"request_id": LONG}, "Idempotency-Key"),
    ({"request_id": "a\x00b"}, "Idempotency-Key"),
    ({"client": {"name": ""}}, "client.name"),
    ({"client": {"name": LONG}}, "client.name"),
    ({"client": {"email": "mara"}}, "client.email"),
    ({"client": {"locale": "en_US"}}, "client.locale"),
    ({"client": {"timezone": "Mars/Olympus"}}, "client.timezone"),
    ({"client": {"timezone": "\x00"}}, "client.timezone"),
]


@pytest.mark.req("BK-1", "SL-10")
@pytest.mark.parametrize(("changes", "field"), BAD_FIELDS)
def test_a_wrong_field_is_named(both: Both, changes: dict[str, Any], field: str) -> None:
    request = pb.CreateBookingRequest(
        username="ada",
        service="therapy-session",
        mode=MODE_TELEHEALTH,
        start_time=stamp(NINE),
        contact=booking_pb2.ContactDetails(
            name="Mara Quill", email="mara@clinic.example", timezone="Europe/Berlin"
        ),
    )
    for name, value in changes.get("client", {}).items():
        setattr(request.contact, name, value)
    for name, value in changes.items():
        if name == "start_time":
            request.start_time.CopyFrom(value)
        elif name != "client":
            setattr(request, name, value)
    refused = failure(partial(book, both, request))
    assert (type(refused), refused.field) == (Invalid, field)


def test_an_empty_request_is_answered_with_what_is_needed(both: Both) -> None:
    for call, field in (
        (lambda: both.rpc.CreateBooking(pb.CreateBookingRequest()), "client.name"),
        (lambda: both.rpc.CreateHold(CreateHoldRequest()), "visitor_id"),
    ):
        with acting_as(VISITOR):
            refused = failure(call)
        assert (type(refused), refused.field) == (Invalid, field)


@pytest.mark.req("AV-16", "CL-2")
@pytest.mark.parametrize(
    ("status", "off"),
    [
        (CLIENT_STATUS_NEW, "new_clients_may_schedule"),
        (CLIENT_STATUS_ACTIVE, "active_clients_may_schedule"),
        (CLIENT_STATUS_INACTIVE, "inactive_clients_may_schedule"),
    ],
)
def test_the_status_of_a_known_email_decides(
    both: Both, status: ClientStatus.ValueType, off: str
) -> None:
    practice, email = Practice(both), f"c-{ids.new().hex}@clinic.example"
    book(both, wish(practice, email=email))
    practice.known_as(email, status)
    practice.set_policies(**{off: False})
    later = wish(practice, NINE + HOUR, email=email.upper())
    assert failure(partial(book, both, later)).reason == "CLIENT_STATUS_NOT_ALLOWED"
    stranger = wish(practice, NINE + HOUR)
    if status == CLIENT_STATUS_NEW:
        assert failure(partial(book, both, stranger)).reason == "CLIENT_STATUS_NOT_ALLOWED"
    else:
        assert book(both, stranger).status == BOOKING_STATUS_CONFIRMED
        elsewhere = wish(Practice(both, **{off: False}), email=email)
        assert book(both, elsewhere).status == BOOKING_STATUS_CONFIRMED, "there they are new"


@pytest.mark.req("AV-16", "BK-3")
def test_a_client_who_has_signed_in_holds_as_who_they_are(both: Both) -> None:
    practice, email = Practice(both), f"c-{ids.new().hex}@clinic.example"
    booked = book(both, wish(practice, email=email))
    practice.known_as(email, CLIENT_STATUS_ACTIVE)
    practice.set_policies(new_clients_may_schedule=False)
    who = client(practice.id, booked.client.client_id)
    assert hold(practice, NINE + HOUR, who=who).hold_id
    reason = failure(partial(hold, practice, NINE + 2 * HOUR, visitor="visitor-2")).reason
    assert reason == "CLIENT_STATUS_NOT_ALLOWED"


@pytest.mark.req("BK-6", "BL-11")
def test_later_changes_of_price_and_policy_do_not_reach_the_booking(both: Both) -> None:
    practice = Practice(both)
    booked = book(both, wish(practice))
    with acting_as(practice.owner):
        (kind,) = both.availability.ListServiceTypes(ListServiceTypesRequest()).service_types
        kind.price.minor_units = 99_999
        kind.duration_minutes = 20
        both.availability.UpdateServiceType(
            UpdateServiceTypeRequest(service_type=kind, update_fields=["price", "duration_minutes"])
        )
    practice.set_policies(
        client_cancellation=av.CLIENT_CANCELLATION_NOT_ALLOWED, late_cancellation_minutes=0
    )
    with acting_as(practice.owner):
        request = pb.GetBookingRequest(booking_id=booked.booking_id)
        shown = both.rpc.GetBooking(request).booking
    assert list(shown.service_lines) == list(booked.service_lines)
    assert (shown.client_may_cancel, shown.cancel_until_time) == (True, booked.cancel_until_time)
    with acting_as(client(practice.id, booked.client.client_id, booked.booking_id)):
        cancelled = both.rpc.CancelBooking(
            pb.CancelBookingRequest(booking_id=booked.booking_id)
        ).booking
    assert NINE in practice.free(cancelled.revision)


@pytest.mark.req("PF-13")
def test_while_availability_is_away_nothing_is_booked_but_what_was_is_answered(
    both: Both, alone: Running
) -> None:
    practice = Practice(both)
    request = wish(practice, request_id=str(ids.new()))
    first = book(both, request)
    assert book(alone, request) == first
    refused = failure(partial(book, alone, wish(practice, NINE + HOUR)))
    assert isinstance(refused, Unavailable)
    assert len(taken_refs(practice)) == 1


@pytest.mark.req("GW-13")
def test_a_practice_cannot_be_reached_through_another(both: Both) -> None:
    one, other = Practice(both), Practice(both)
    booked = book(both, wish(one), staff(other.id))
    assert booked.practice_id == one.id
    assert (booked.client.phone, booked.client.status) == ("", 0)
    with acting_as(other.owner), pytest.raises(NotFound):
        both.rpc.GetBooking(pb.GetBookingRequest(booking_id=booked.booking_id))
    with both.database.transaction(EVERY_PRACTICE) as session:
        owners = session.scalars(
            select(Client.practice_id).where(Client.id == UUID(booked.client.client_id))
        ).all()
    assert [str(owner) for owner in owners] == [one.id]
