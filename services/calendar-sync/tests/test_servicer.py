"""A provider's private feed: who gets its token, and what the token opens, while booking and
availability are away."""

import base64
import logging
import secrets
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from sqlalchemy import func, select, text

from attune.calendar_sync.v1 import feed_service_pb2 as pb
from attune_testing.identities import client, service, staff
from attune_testing.stubs import CalendarSyncStub
from calendar_sync import store
from common import ids
from common.audit import Entry
from common.db.database import Database
from common.errors import Invalid, NotAllowed, NotFound, Unauthenticated, Unavailable
from common.rpc.identity import VISITOR, Identity, acting_as

pytestmark = pytest.mark.req("CS-6")
Sync = CalendarSyncStub


def get(sync: Sync, caller: Identity, provider: object) -> str:
    with acting_as(caller):
        return sync.GetFeed(pb.GetFeedRequest(provider_id=str(provider))).token


def rotate(sync: Sync, caller: Identity, provider: object) -> str:
    with acting_as(caller):
        return sync.RotateFeed(pb.RotateFeedRequest(provider_id=str(provider))).token


def read(sync: Sync, token: str) -> bytes:
    with acting_as(VISITOR):
        return sync.ReadFeed(pb.ReadFeedRequest(token=token)).icalendar


def clinician(practice: UUID, provider: UUID) -> Identity:
    return staff(practice, "clinician", provider_id=provider)


def refused(sync: Sync, token: str) -> tuple[str, str, dict[str, str]]:
    """Return everything that is said about an invalid token."""
    with pytest.raises(NotFound) as failure:
        read(sync, token)
    return failure.value.reason, failure.value.message, failure.value.details


NOT_FOUND: tuple[str, str, dict[str, str]] = ("FEED_NOT_FOUND", "This feed doesn't exist.", {})


def test_a_provider_has_one_feed_with_a_token_of_256_random_bits(
    alone: Sync, practice: UUID, provider: UUID
) -> None:
    me = clinician(practice, provider)
    token = get(alone, me, provider)
    assert len(base64.urlsafe_b64decode(token + "=")) == 32
    assert get(alone, me, provider) == token
    assert get(alone, clinician(practice, other := ids.new()), other) != token


def test_a_feed_asked_for_by_many_at_once_is_made_once(
    alone: Sync, practice: UUID, provider: UUID, database: Database
) -> None:
    me = clinician(practice, provider)
    with ThreadPoolExecutor(8) as pool:
        tokens = set(pool.map(lambda _: get(alone, me, provider), range(16)))
    assert len(tokens) == 1
    with database.transaction(practice) as session:
        assert session.scalar(select(func.count()).select_from(store.Feed)) == 1


@pytest.mark.req("GW-13", "CL-3")
def test_owners_and_managers_get_it_too_and_nobody_else_does(
    alone: Sync, practice: UUID, provider: UUID
) -> None:
    token = get(alone, clinician(practice, provider), provider)
    assert get(alone, staff(practice, "owner"), provider) == token
    assert get(alone, staff(practice, "manager"), provider) == token
    refusals = {
        clinician(practice, ids.new()): NotFound,
        staff(practice, "clinician"): NotFound,
        staff(practice, "supervisor"): NotAllowed,
        client(practice, ids.new()): NotAllowed,
        service("booking", practice): NotAllowed,
        VISITOR: Unauthenticated,
    }
    for caller, failure in refusals.items():
        with pytest.raises(failure):
            get(alone, caller, provider)
        with pytest.raises(failure):
            rotate(alone, caller, provider)
    assert get(alone, staff(practice, "owner"), provider) == token


@pytest.mark.req("PF-8")
def test_who_reads_and_who_replaces_a_token_is_recorded(
    alone: Sync, practice: UUID, provider: UUID, database: Database
) -> None:
    me = clinician(practice, provider)
    get(alone, me, provider)
    rotate(alone, me, provider)
    with database.transaction(practice) as session:
        [feed] = session.scalars(select(store.Feed.id))
        own = select(Entry).where(Entry.practice_id == practice).order_by(Entry.sequence)
        entries = [(entry.subject, entry.action, entry.things) for entry in session.scalars(own)]
    things = [f"feed:{feed}", f"provider:{provider}"]
    assert entries == [(me.subject, "feed.read", things), (me.subject, "feed.rotate", things)]


def test_after_a_rotation_the_old_token_shows_nothing_any_more(
    alone: Sync, practice: UUID, provider: UUID
) -> None:
    me = clinician(practice, provider)
    old = get(alone, me, provider)
    new = rotate(alone, me, provider)
    assert refused(alone, old) == NOT_FOUND
    assert get(alone, me, provider) == new
    with pytest.raises(Unavailable):  # it is a feed, but booking is away
        read(alone, new)


def test_a_feed_can_be_rotated_before_it_was_ever_shown(
    alone: Sync, practice: UUID, provider: UUID
) -> None:
    me = clinician(practice, provider)
    assert rotate(alone, me, provider) == get(alone, me, provider)


def test_of_rotations_at_once_one_is_left(alone: Sync, practice: UUID, provider: UUID) -> None:
    me = clinician(practice, provider)
    with ThreadPoolExecutor(8) as pool:
        tokens = list(pool.map(lambda _: rotate(alone, me, provider), range(12)))
    left = get(alone, me, provider)
    assert left in tokens
    assert {refused(alone, token)[0] for token in tokens if token != left} == {"FEED_NOT_FOUND"}


def test_every_token_that_is_none_is_answered_alike(
    alone: Sync, practice: UUID, provider: UUID
) -> None:
    token = get(alone, clinician(practice, provider), provider)
    for attempt in (
        "",
        secrets.token_urlsafe(32),
        token[:-1],
        token + "=",
        token + "\0",
        token.swapcase(),
        "' OR true --",
        "ü" * 43,
        "a" * 500_000,
        str(provider),
    ):
        assert refused(alone, attempt) == NOT_FOUND


@pytest.mark.parametrize("provider_id", ["", "x", "\0", "a" * 100_000])
def test_what_is_no_id_is_said(alone: Sync, practice: UUID, provider_id: str) -> None:
    for ask in (get, rotate):
        with pytest.raises(Invalid) as failure:
            ask(alone, staff(practice), provider_id)
        assert failure.value.field == "provider_id"


@pytest.mark.req("CS-7", "PF-7")
def test_tokens_are_nowhere_in_clear(
    alone: Sync,
    practice: UUID,
    provider: UUID,
    database: Database,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    me = clinician(practice, provider)
    tokens = {get(alone, me, provider), rotate(alone, me, provider)}
    for token in tokens:
        refused(alone, token + "x")
    with database.transaction(practice) as session:
        (stored,) = session.scalars(text("SELECT feeds::text FROM feeds"))
    for token in tokens:
        assert token not in stored
        assert token.encode().hex() not in stored
        assert token not in caplog.text
