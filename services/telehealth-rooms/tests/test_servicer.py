"""Rooms that follow booking's events, and who gets in by which link, while booking itself is
unavailable."""

import base64
import logging
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import func, select, text

from attune.booking.v1 import booking_pb2
from attune.booking.v1.events_pb2 import (
    BookingCancelled,
    BookingCompleted,
    BookingConfirmed,
    BookingDeclined,
    BookingExpired,
    BookingFact,
)
from attune.common.v1.types_pb2 import MODE_IN_PERSON, MODE_TELEHEALTH
from attune.telehealth_rooms.v1 import room_service_pb2 as pb
from attune_testing.clock import TestClock, utc
from attune_testing.identities import client, service, staff
from attune_testing.stubs import TelehealthRoomsStub
from common import ids
from common.db.database import EVERY_PRACTICE, Database
from common.errors import Invalid, NotAllowed, NotFound, Unauthenticated, Unavailable
from common.rpc.identity import VISITOR, Identity, acting_as
from telehealth_rooms import store
from telehealth_rooms.events import handlers

Rooms = TelehealthRoomsStub
Fact = Callable[..., BookingFact]
Deliver = Callable[..., bool]


def at(text: str) -> Timestamp:
    timestamp = Timestamp()
    timestamp.FromDatetime(utc(text))
    return timestamp


def get_room(rooms: Rooms, fact: BookingFact, caller: Identity | None = None) -> pb.GetRoomResponse:
    """Call GetRoom, as a service by default."""
    with acting_as(caller or service("notifications", fact.practice_id)):
        return rooms.GetRoom(pb.GetRoomRequest(booking_id=fact.booking_id))


def resolve(rooms: Rooms, token: str) -> pb.ResolveLinkResponse:
    with acting_as(VISITOR):
        return rooms.ResolveLink(pb.ResolveLinkRequest(token=token))


def replace(
    rooms: Rooms, fact: BookingFact, side: "pb.Side.ValueType", caller: Identity | None = None
) -> str:
    with acting_as(caller or staff(fact.practice_id)):
        request = pb.ReplaceLinkRequest(booking_id=fact.booking_id, side=side)
        return rooms.ReplaceLink(request).token


def refused(rooms: Rooms, token: str) -> tuple[str, str, dict[str, str]]:
    """Return everything that is said about an invalid link."""
    with pytest.raises(NotFound) as failure:
        resolve(rooms, token)
    return failure.value.reason, failure.value.message, failure.value.details


NOT_VALID: tuple[str, str, dict[str, str]] = ("LINK_NOT_VALID", "This link isn't valid.", {})


def closed(fact: BookingFact) -> tuple[str, str, dict[str, str]]:
    """Return what is said about a link that was valid: also whom its holder can contact."""
    whose = {"practice_id": fact.practice_id, "provider_id": fact.provider_id}
    return (*NOT_VALID[:2], whose)


def changed(fact: BookingFact, **changes: object) -> BookingFact:
    """Return the next version of a booking."""
    later = BookingFact()
    later.CopyFrom(fact)
    later.version += 1
    for name, value in changes.items():
        if isinstance(value, Timestamp):
            getattr(later, name).CopyFrom(value)
        else:
            setattr(later, name, value)
    return later


def cancelled(fact: BookingFact) -> BookingCancelled:
    return BookingCancelled(booking=changed(fact, status=booking_pb2.BOOKING_STATUS_CANCELLED))


# A room and its links


@pytest.mark.req("RM-1")
def test_a_confirmed_telehealth_booking_has_a_room_with_a_link_for_each_side(
    rooms: Rooms, fact: Fact, deliver: Deliver
) -> None:
    booking = fact()
    deliver(BookingConfirmed(booking=booking))
    answer = get_room(rooms, booking)
    assert answer == pb.GetRoomResponse(
        room=pb.Room(
            room_id=answer.room.room_id,
            booking_id=booking.booking_id,
            start_time=at("2026-03-02 15:00"),
            end_time=at("2026-03-02 15:50"),
            open_time=at("2026-03-02 14:45"),
            close_time=at("2026-03-02 16:50"),
            practice_id=booking.practice_id,
            provider_id=booking.provider_id,
        ),
        provider_token=answer.provider_token,
        client_token=answer.client_token,
    )
    assert resolve(rooms, answer.provider_token) == pb.ResolveLinkResponse(
        room=answer.room, side=pb.SIDE_PROVIDER, open=False
    )
    assert resolve(rooms, answer.client_token) == pb.ResolveLinkResponse(
        room=answer.room, side=pb.SIDE_CLIENT, open=False
    )


@pytest.mark.req("RM-2")
def test_links_are_of_256_random_bits(rooms: Rooms, fact: Fact, deliver: Deliver) -> None:
    tokens = set()
    for booking in (fact(), fact()):
        deliver(BookingConfirmed(booking=booking))
        answer = get_room(rooms, booking)
        tokens |= {answer.provider_token, answer.client_token}
    assert len(tokens) == 4
    assert {len(base64.urlsafe_b64decode(token + "=")) for token in tokens} == {32}


@pytest.mark.req("RM-1", "CL-3")
def test_each_caller_gets_the_link_that_is_theirs(
    rooms: Rooms, fact: Fact, deliver: Deliver
) -> None:
    booking = fact()
    practice, provider = booking.practice_id, booking.provider_id
    deliver(BookingConfirmed(booking=booking))
    both = get_room(rooms, booking)
    hers = pb.GetRoomResponse(room=both.room, client_token=both.client_token)
    his = pb.GetRoomResponse(room=both.room, provider_token=both.provider_token)
    answers = {
        client(practice, booking.client_id): hers,
        client(practice, booking.client_id, booking.booking_id): hers,
        staff(practice, "clinician", provider_id=provider): his,
        staff(practice, "manager"): his,
        staff(practice, "owner"): his,
    }
    assert {caller: get_room(rooms, booking, caller) for caller in answers} == answers


@pytest.mark.req("RM-2", "CL-3", "GW-13")
def test_to_everybody_else_there_is_no_room(rooms: Rooms, fact: Fact, deliver: Deliver) -> None:
    booking = fact()
    practice = booking.practice_id
    deliver(BookingConfirmed(booking=booking))
    strangers = [
        client(practice, ids.new()),
        client(practice, ids.new(), booking.booking_id),
        client(practice, booking.client_id, ids.new()),
        staff(practice, "clinician", provider_id=ids.new()),
        staff(practice, "clinician"),
    ]
    for caller in strangers:
        with pytest.raises(NotFound) as failure:
            get_room(rooms, booking, caller)
        assert failure.value.reason == "ROOM_NOT_FOUND"
    with pytest.raises(NotAllowed):
        get_room(rooms, booking, staff(practice, "supervisor"))
    with pytest.raises(Unauthenticated):
        get_room(rooms, booking, VISITOR)


@pytest.mark.req("PF-13")
def test_a_room_that_is_not_known_needs_booking(rooms: Rooms, fact: Fact) -> None:
    with pytest.raises(Unavailable):
        get_room(rooms, fact())


def test_a_service_without_a_practice_finds_nothing(
    rooms: Rooms, fact: Fact, deliver: Deliver
) -> None:
    booking = fact()
    deliver(BookingConfirmed(booking=booking))
    with pytest.raises(NotFound):
        get_room(rooms, booking, service("notifications"))


@pytest.mark.parametrize("booking_id", ["", "x", "\0", "ü" * 36, "a" * 100_000])
def test_what_is_no_id_is_said(rooms: Rooms, booking_id: str) -> None:
    with pytest.raises(Invalid) as failure, acting_as(staff(ids.new())):
        rooms.GetRoom(pb.GetRoomRequest(booking_id=booking_id))
    assert failure.value.field == "booking_id"
    with pytest.raises(Invalid) as failure, acting_as(staff(ids.new())):
        rooms.ReplaceLink(pb.ReplaceLinkRequest(booking_id=booking_id, side=pb.SIDE_CLIENT))
    assert failure.value.field == "booking_id"


# When a link works


@pytest.mark.req("RM-2")
def test_a_link_works_around_its_session_only(
    rooms: Rooms, fact: Fact, deliver: Deliver, clock: TestClock
) -> None:
    booking = fact()
    deliver(BookingConfirmed(booking=booking))
    answer = get_room(rooms, booking)
    moment = timedelta(microseconds=1)
    expected = {
        utc("2026-02-01 00:00"): False,
        utc("2026-03-02 14:45") - moment: False,
        utc("2026-03-02 14:45"): True,
        utc("2026-03-02 16:50") - moment: True,
    }
    seen = {}
    for now in expected:
        clock.present = now
        seen[now] = resolve(rooms, answer.client_token).open
    assert seen == expected
    for now in (utc("2026-03-02 16:50"), utc("2030-01-01 00:00")):
        clock.present = now
        assert refused(rooms, answer.client_token) == closed(booking)
        assert refused(rooms, answer.provider_token) == closed(booking)


@pytest.mark.req("RM-2")
def test_a_guessed_or_tampered_link_is_answered_like_any_other_that_is_not_valid(
    rooms: Rooms, fact: Fact, deliver: Deliver, clock: TestClock
) -> None:
    booking = fact()
    deliver(BookingConfirmed(booking=booking))
    token = get_room(rooms, booking).client_token
    clock.present = utc("2026-03-02 15:00")
    last = "B" if token[-1] == "A" else "A"
    for attempt in (
        "",
        secrets.token_urlsafe(32),
        token[:-1],
        token[:-1] + last,
        token + "=",
        token + "\0",
        " " + token,
        token.swapcase(),
        token * 2,
        "' OR true --",
        "%",
        "ü" * 43,
        "a" * 500_000,
        booking.booking_id,
    ):
        assert refused(rooms, attempt) == NOT_VALID
    assert resolve(rooms, token).open


@pytest.mark.req("RM-2")
def test_every_last_character_of_a_token_counts(rooms: Rooms, fact: Fact, deliver: Deliver) -> None:
    """Base64 leaves bits unused in the last character; none of the equivalent spellings may get
    in."""
    booking = fact()
    deliver(BookingConfirmed(booking=booking))
    token = get_room(rooms, booking).client_token
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    twins = {token[:-1] + letter for letter in alphabet} - {token}
    assert {refused(rooms, twin)[0] for twin in twins} == {"LINK_NOT_VALID"}


@pytest.mark.req("RM-2")
def test_whoever_has_a_link_gets_in_whoever_they_are_signed_in_as(
    rooms: Rooms, fact: Fact, deliver: Deliver
) -> None:
    booking = fact()
    deliver(BookingConfirmed(booking=booking))
    token = get_room(rooms, booking).client_token
    for caller in (VISITOR, client(ids.new(), ids.new()), staff(ids.new())):
        with acting_as(caller):
            answer = rooms.ResolveLink(pb.ResolveLinkRequest(token=token))
        assert answer.side == pb.SIDE_CLIENT


# Following the booking


@pytest.mark.req("RM-1")
def test_a_moved_booking_keeps_its_links(
    rooms: Rooms, fact: Fact, deliver: Deliver, clock: TestClock
) -> None:
    booking = fact()
    deliver(BookingConfirmed(booking=booking))
    before = get_room(rooms, booking)
    moved = changed(booking, start_time=at("2026-03-09 10:00"), end_time=at("2026-03-09 10:50"))
    deliver(BookingConfirmed(booking=moved))
    clock.present = utc("2026-03-02 15:00")
    answer = resolve(rooms, before.client_token)
    assert answer == pb.ResolveLinkResponse(
        room=pb.Room(
            room_id=before.room.room_id,
            booking_id=booking.booking_id,
            start_time=at("2026-03-09 10:00"),
            end_time=at("2026-03-09 10:50"),
            open_time=at("2026-03-09 09:45"),
            close_time=at("2026-03-09 11:50"),
            practice_id=booking.practice_id,
            provider_id=booking.provider_id,
        ),
        side=pb.SIDE_CLIENT,
        open=False,
    )
    after = get_room(rooms, booking)
    assert after == pb.GetRoomResponse(
        room=answer.room, provider_token=before.provider_token, client_token=before.client_token
    )
    clock.present = utc("2026-03-09 10:00")
    assert resolve(rooms, before.provider_token).open


@pytest.mark.req("RM-2")
def test_when_somebody_else_holds_the_session_the_former_providers_link_is_void(
    rooms: Rooms, fact: Fact, deliver: Deliver
) -> None:
    booking = fact()
    deliver(BookingConfirmed(booking=booking))
    before = get_room(rooms, booking)
    deliver(BookingConfirmed(booking=changed(booking, provider_id=str(ids.new()))))
    after = get_room(rooms, booking)
    assert after.client_token == before.client_token
    assert refused(rooms, before.provider_token) == NOT_VALID
    assert resolve(rooms, after.provider_token).side == pb.SIDE_PROVIDER


@pytest.mark.req("RM-1", "CN-5")
@pytest.mark.parametrize(
    ("event", "status"),
    [
        (BookingCancelled, booking_pb2.BOOKING_STATUS_CANCELLED),
        (BookingDeclined, booking_pb2.BOOKING_STATUS_DECLINED),
        (BookingExpired, booking_pb2.BOOKING_STATUS_EXPIRED),
    ],
)
def test_a_booking_that_is_off_closes_its_room(
    rooms: Rooms,
    fact: Fact,
    deliver: Deliver,
    clock: TestClock,
    event: type[BookingCancelled],
    status: "booking_pb2.BookingStatus.ValueType",
) -> None:
    booking = fact()
    deliver(BookingConfirmed(booking=booking))
    answer = get_room(rooms, booking)
    deliver(event(booking=changed(booking, status=status)))
    clock.present = utc("2026-03-02 15:00")
    assert refused(rooms, answer.client_token) == closed(booking)
    assert refused(rooms, answer.provider_token) == closed(booking)


@pytest.mark.req("RM-1", "PF-13")
def test_what_events_have_told_is_not_asked_for_again(
    rooms: Rooms, fact: Fact, deliver: Deliver
) -> None:
    """Booking is unavailable, and nobody has to wait for it."""
    off, in_person = fact(), fact()
    deliver(BookingConfirmed(booking=off))
    deliver(cancelled(off))
    deliver(BookingConfirmed(booking=changed(in_person, mode=MODE_IN_PERSON)))
    for booking in (off, in_person):
        with pytest.raises(NotFound) as failure:
            get_room(rooms, booking)
        assert failure.value.reason == "ROOM_NOT_FOUND"


@pytest.mark.req("RM-2")
def test_a_session_that_was_held_leaves_its_room_until_the_window_ends(
    rooms: Rooms, fact: Fact, deliver: Deliver, clock: TestClock
) -> None:
    booking = fact()
    deliver(BookingConfirmed(booking=booking))
    token = get_room(rooms, booking).client_token
    assert BookingCompleted.DESCRIPTOR.full_name not in handlers.by_subject
    clock.present = utc("2026-03-02 16:30")
    assert resolve(rooms, token).open


@pytest.mark.req("RM-1")
def test_changing_the_mode_from_telehealth_closes_the_room_and_back_opens_it(
    rooms: Rooms, fact: Fact, deliver: Deliver
) -> None:
    booking = fact()
    deliver(BookingConfirmed(booking=booking))
    before = get_room(rooms, booking)
    in_person = changed(booking, mode=MODE_IN_PERSON)
    deliver(BookingConfirmed(booking=in_person))
    assert refused(rooms, before.client_token) == closed(booking)
    deliver(BookingConfirmed(booking=changed(in_person, mode=MODE_TELEHEALTH)))
    assert get_room(rooms, booking) == before
    assert resolve(rooms, before.client_token).side == pb.SIDE_CLIENT


@pytest.mark.req("RM-1")
def test_a_session_in_person_gets_a_room_when_it_becomes_telehealth(
    rooms: Rooms, fact: Fact, deliver: Deliver
) -> None:
    booking = fact()
    in_person = changed(booking, version=0, mode=MODE_IN_PERSON)
    deliver(BookingConfirmed(booking=in_person))
    deliver(BookingConfirmed(booking=changed(in_person, mode=MODE_TELEHEALTH)))
    assert resolve(rooms, get_room(rooms, booking).client_token).side == pb.SIDE_CLIENT


@pytest.mark.req("RM-1", "PF-2")
def test_older_news_changes_nothing(rooms: Rooms, fact: Fact, deliver: Deliver) -> None:
    booking = fact()
    moved = changed(booking, start_time=at("2026-03-09 10:00"), end_time=at("2026-03-09 10:50"))
    deliver(BookingConfirmed(booking=moved))
    before = get_room(rooms, booking)
    deliver(BookingConfirmed(booking=booking))
    deliver(BookingConfirmed(booking=moved))
    assert get_room(rooms, booking) == before
    assert before.room.start_time == at("2026-03-09 10:00")


@pytest.mark.req("CN-5", "PF-2")
def test_a_cancellation_that_overtakes_the_confirmation_leaves_no_room(
    rooms: Rooms, fact: Fact, deliver: Deliver, database: Database
) -> None:
    booking = fact()
    deliver(cancelled(booking))
    deliver(BookingConfirmed(booking=booking))
    with database.transaction(booking.practice_id) as session:
        assert session.scalar(select(func.count()).select_from(store.Link)) == 0
        (room,) = session.scalars(select(store.Room))
    assert room.closed_at == utc("2026-03-02 12:00")


@pytest.mark.req("PF-2")
def test_an_event_that_comes_twice_makes_one_room(
    rooms: Rooms, fact: Fact, deliver: Deliver
) -> None:
    booking = fact()
    event, message_id = BookingConfirmed(booking=booking), str(ids.new())
    assert deliver(event, message_id)
    before = get_room(rooms, booking)
    assert not deliver(event, message_id)
    assert deliver(event)
    assert get_room(rooms, booking) == before


@pytest.mark.req("RM-1")
def test_many_events_at_once_make_one_room_in_the_newest_state(
    rooms: Rooms, fact: Fact, deliver: Deliver, database: Database
) -> None:
    booking = fact()
    versions = [booking]
    for day in range(2, 14):
        versions.append(
            changed(
                versions[-1],
                start_time=at(f"2026-03-{day:02} 10:00"),
                end_time=at(f"2026-03-{day:02} 10:50"),
            )
        )
    shuffled = versions[1::2] + versions[::-2] + versions
    with ThreadPoolExecutor(12) as pool:
        assert all(pool.map(lambda v: deliver(BookingConfirmed(booking=v)), shuffled))
    assert get_room(rooms, booking).room.start_time == at("2026-03-13 10:00")
    with database.transaction(booking.practice_id) as session:
        assert session.scalar(select(func.count()).select_from(store.Room)) == 1
        assert session.scalar(select(func.count()).select_from(store.Link)) == 2


# Replacing a link


@pytest.mark.req("RM-2")
def test_a_replaced_link_gets_in_nowhere_and_the_new_one_does(
    rooms: Rooms, fact: Fact, deliver: Deliver, clock: TestClock
) -> None:
    booking = fact()
    deliver(BookingConfirmed(booking=booking))
    before = get_room(rooms, booking)
    clock.present = utc("2026-03-02 15:00")
    token = replace(rooms, booking, pb.SIDE_CLIENT)
    assert refused(rooms, before.client_token) == NOT_VALID
    assert resolve(rooms, token) == pb.ResolveLinkResponse(
        room=before.room, side=pb.SIDE_CLIENT, open=True
    )
    assert get_room(rooms, booking) == pb.GetRoomResponse(
        room=before.room, provider_token=before.provider_token, client_token=token
    )


@pytest.mark.req("RM-2", "CL-3")
def test_links_are_replaced_by_the_staff_whose_session_it_is(
    rooms: Rooms, fact: Fact, deliver: Deliver
) -> None:
    booking = fact()
    practice = booking.practice_id
    deliver(BookingConfirmed(booking=booking))
    for caller in (
        staff(practice, "owner"),
        staff(practice, "manager"),
        staff(practice, "clinician", provider_id=booking.provider_id),
    ):
        assert replace(rooms, booking, pb.SIDE_PROVIDER, caller)
    before = get_room(rooms, booking)
    refusals = {
        staff(practice, "clinician", provider_id=ids.new()): NotFound,
        staff(practice, "supervisor"): NotAllowed,
        client(practice, booking.client_id): NotAllowed,
        service("booking", practice): NotAllowed,
        VISITOR: Unauthenticated,
    }
    for caller, failure in refusals.items():
        with pytest.raises(failure):
            replace(rooms, booking, pb.SIDE_PROVIDER, caller)
    assert get_room(rooms, booking) == before


@pytest.mark.req("RM-2")
@pytest.mark.parametrize("side", [pb.SIDE_UNSPECIFIED, 9])
def test_a_side_must_be_named(
    rooms: Rooms, fact: Fact, deliver: Deliver, side: "pb.Side.ValueType"
) -> None:
    booking = fact()
    deliver(BookingConfirmed(booking=booking))
    with pytest.raises(Invalid) as failure:
        replace(rooms, booking, side)
    assert failure.value.field == "side"


@pytest.mark.req("RM-2")
def test_of_links_replaced_at_once_one_is_left(rooms: Rooms, fact: Fact, deliver: Deliver) -> None:
    booking = fact()
    deliver(BookingConfirmed(booking=booking))
    with ThreadPoolExecutor(8) as pool:
        tokens = list(pool.map(lambda _: replace(rooms, booking, pb.SIDE_CLIENT), range(12)))
    left = get_room(rooms, booking).client_token
    assert left in tokens
    for token in tokens:
        if token != left:
            assert refused(rooms, token) == NOT_VALID


# Secrecy


@pytest.mark.req("PF-7", "RM-2")
def test_tokens_are_nowhere_in_clear(
    rooms: Rooms,
    fact: Fact,
    deliver: Deliver,
    database: Database,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    booking = fact()
    deliver(BookingConfirmed(booking=booking))
    answer = get_room(rooms, booking)
    tokens = {answer.provider_token, answer.client_token, replace(rooms, booking, pb.SIDE_CLIENT)}
    for token in tokens:
        with pytest.raises(NotFound) as failure:
            resolve(rooms, token + "x")
        assert token not in str(failure.value.details) + failure.value.message
    with database.transaction(EVERY_PRACTICE) as session:
        tables = ("rooms", "links", "outbox", "inbox", "due", "idempotency")
        stored = "".join(
            str(row)
            for table in tables
            for row in session.execute(text(f"SELECT {table}::text FROM {table}"))  # noqa: S608  # names of our own tables
        )
    for token in tokens:
        assert token not in stored
        assert token.encode().hex() not in stored
        assert token not in caplog.text


@pytest.mark.req("RM-2")
def test_a_revoked_token_is_erased(
    rooms: Rooms, fact: Fact, deliver: Deliver, database: Database
) -> None:
    booking = fact()
    deliver(BookingConfirmed(booking=booking))
    replace(rooms, booking, pb.SIDE_CLIENT)
    with database.transaction(UUID(booking.practice_id)) as session:
        revoked = session.scalars(select(store.Link).where(store.Link.revoked_at.is_not(None)))
        assert [(link.side, link.token_sealed) for link in revoked] == [("client", None)]
