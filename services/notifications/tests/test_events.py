"""Events of bookings become notices, each once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from google.protobuf.message import Message
from sqlalchemy import select

from attune.booking.v1 import booking_pb2 as pb
from attune.booking.v1 import events_pb2 as happened
from attune_testing.clock import TestClock
from common import ids
from common.db.database import Database
from common.jobs.schedule import due
from notifications.store.tables import Notice

Deliver = Callable[..., bool]
CLIENT, PROVIDER = "client", "provider"
CHANGES: list[tuple[Callable[..., Message], dict[str, Any], list[tuple[str, str]]]] = [
    (happened.BookingRequested, {}, [("booking_requested", r) for r in (CLIENT, PROVIDER)]),
    (happened.BookingConfirmed, {}, [("booking_confirmed", r) for r in (CLIENT, PROVIDER)]),
    (happened.BookingConfirmed, {"was_requested": True}, [("booking_confirmed", CLIENT)]),
    (happened.BookingDeclined, {}, [("booking_declined", CLIENT)]),
    (happened.BookingExpired, {}, [("booking_expired", CLIENT)]),
    (
        happened.BookingCancelled,
        {"cancelled_by": pb.CANCELLED_BY_PRACTICE, "tell_client": True},
        [("booking_cancelled", CLIENT)],
    ),
    (happened.BookingCancelled, {"cancelled_by": pb.CANCELLED_BY_PRACTICE}, []),
    (
        happened.BookingCancelled,
        {"cancelled_by": pb.CANCELLED_BY_CLIENT},
        [("booking_cancelled", r) for r in (CLIENT, PROVIDER)],
    ),
    (happened.CancellationRequested, {}, [("cancellation_requested", PROVIDER)]),
    (happened.CancellationDeclined, {}, [("cancellation_declined", CLIENT)]),
]


def notices(database: Database, practice: UUID) -> list[tuple[str, str, int, str]]:
    """Return kind, recipient, version, and state of each notice of a practice."""
    with database.transaction(practice) as session:
        rows = session.scalars(select(Notice).order_by(Notice.version, Notice.recipient))
        return [(n.kind, n.recipient, n.version, n.state) for n in rows]


def plans(database: Database, practice: UUID) -> list[tuple[str, str]]:
    """Return kind and key of the practice's jobs."""
    with database.transaction(practice) as session:
        rows = session.execute(select(due).where(due.c.practice_id == practice).order_by(due.c.key))
        return [(row.kind, row.key) for row in rows]


@pytest.mark.req("NT-1", "CN-1")
@pytest.mark.parametrize(("kind", "fields", "told"), CHANGES)
def test_who_hears_of_what(
    database: Database,
    practice: UUID,
    deliver: Deliver,
    fact: happened.BookingFact,
    kind: Callable[..., Message],
    fields: dict[str, Any],
    told: list[tuple[str, str]],
) -> None:
    assert deliver(kind(booking=fact, **fields))
    assert notices(database, practice) == [(k, to, 1, "queued") for k, to in told]
    assert plans(database, practice) == [("deliver", fact.booking_id)][: len(told)]


@pytest.mark.req("PF-14")
@pytest.mark.parametrize(
    ("kind", "fields"), [(kind, fields) for kind, fields, told in CHANGES if told]
)
def test_nobody_hears_of_a_synthetic_booking(
    database: Database,
    practice: UUID,
    deliver: Deliver,
    fact: happened.BookingFact,
    kind: Callable[..., Message],
    fields: dict[str, Any],
) -> None:
    fact.synthetic = True
    assert deliver(kind(booking=fact, **fields))
    assert notices(database, practice) == []
    assert plans(database, practice) == []


@pytest.mark.req("NT-3", "PF-2")
def test_the_same_change_makes_the_same_notices_under_any_message_id(
    database: Database, practice: UUID, deliver: Deliver, fact: happened.BookingFact
) -> None:
    event = happened.BookingConfirmed(booking=fact)
    message_id = str(ids.new())
    assert deliver(event, message_id)
    assert not deliver(event, message_id)
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda _: deliver(event), range(16)))
    assert len(notices(database, practice)) == 2
    assert len(plans(database, practice)) == 1


@pytest.mark.req("NT-3")
def test_a_later_change_is_a_notice_of_its_own(
    database: Database, practice: UUID, deliver: Deliver, fact: happened.BookingFact
) -> None:
    deliver(happened.BookingConfirmed(booking=fact))
    fact.version = 2
    deliver(happened.BookingCancelled(booking=fact, cancelled_by=pb.CANCELLED_BY_CLIENT))
    assert notices(database, practice) == [
        ("booking_confirmed", CLIENT, 1, "queued"),
        ("booking_confirmed", PROVIDER, 1, "queued"),
        ("booking_cancelled", CLIENT, 2, "queued"),
        ("booking_cancelled", PROVIDER, 2, "queued"),
    ]
    assert len(plans(database, practice)) == 1, "the notices of a booking are sent in order"


def test_a_notice_is_due_at_once(
    database: Database,
    practice: UUID,
    deliver: Deliver,
    fact: happened.BookingFact,
    clock: TestClock,
) -> None:
    deliver(happened.BookingDeclined(booking=fact))
    with database.transaction(practice) as session:
        [at] = session.scalars(select(due.c.due_at).where(due.c.practice_id == practice))
    assert at == clock.now()
