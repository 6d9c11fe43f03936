"""Changes of a practice's set-up: whose they are, what they count, and what follows from them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from attune.availability.v1.availability_pb2 import ServiceType
from attune.availability.v1.events_pb2 import PracticeChanged, ProviderChanged
from availability import messages
from availability.domain import outside, service_types
from availability.domain.hours import Hours, Override
from availability.store import setup, taken
from availability.store.tables import Practice, Provider
from common import ids
from common.errors import Conflict, Invalid, NotAllowed
from common.messaging.outbox import emit
from common.rpc.identity import caller
from common.zones import zone


class PracticeNeeded(Invalid):
    """Say for which practice."""


class SlugTaken(Conflict):
    """A service type of that slug is there already."""


def practice_id() -> UUID:
    """The practice for which the caller acts."""
    if not caller().practice_id:
        raise PracticeNeeded(field="practice_id")
    return ids.parse(caller().practice_id, "practice_id")


def locked_practice(session: Session) -> Practice:
    """The caller's practice; whoever else changes its set-up waits."""
    return setup.practice(session, practice_id(), lock=True)


def locked_provider(session: Session, username: str) -> tuple[Practice, Provider]:
    """A provider whose set-up the caller may change, and the practice, locked."""
    practice = locked_practice(session)
    row = setup.provider_named(session, username)
    if caller().provider_id != str(row.id):
        need_whole_practice()
    return practice, row


def need_whole_practice() -> None:
    """Raises unless the caller is an owner or manager, or a service."""
    if not caller().sees_whole_practice:
        raise NotAllowed


def provider_changed(session: Session, practice: Practice, row: Provider) -> None:
    """Count and tell a change that concerns one provider."""
    practice.changes += 1
    row.setup_version = practice.changes
    session.flush()
    emit(
        session,
        ProviderChanged(
            practice_id=str(practice.practice_id),
            provider_id=str(row.id),
            version=row.setup_version,
        ),
    )


def practice_changed(session: Session, practice: Practice) -> None:
    """Count and tell a change that concerns all providers."""
    practice.changes += 1
    practice.setup_version = practice.changes
    session.flush()
    emit(
        session,
        PracticeChanged(practice_id=str(practice.practice_id), version=practice.setup_version),
    )


def revision(row: Practice | Provider) -> str:
    """Names the change, whatever is taken meanwhile."""
    return f"0.{row.setup_version}"


def check_types(session: Session, wanted: ServiceType, row_id: UUID) -> None:
    """Raises if the practice's other service types leave no place for this one (spec AV-11)."""
    kept = setup.service_types(session, practice_id())
    others = [other for other in kept if other.id != row_id]
    if any(other.slug == wanted.slug for other in others):
        raise SlugTaken(field="service_type.slug")
    active = sum(other.active for other in others) + wanted.active
    service_types.check_count(active, len(others) + 1)


def bookings_outside(session: Session, row: Provider, now: datetime) -> list[str]:
    """The upcoming bookings that do not lie in the provider's hours (spec AV-2)."""
    overrides = setup.overrides(session, row.id, now.astimezone(zone(row.timezone)).date())
    hours = Hours(
        zone(row.timezone),
        messages.blocks(row.blocks),
        [Override(o.date, tuple(messages.blocks(o.blocks))) for o in overrides],
    )
    booked = [
        outside.Session(_minute(t.session_start_at), _minute(t.session_end_at), t.ref)
        for t in taken.sessions(session, row.number, now)
    ]
    return outside.outside(hours, booked)


def _minute(instant: datetime) -> int:
    return int(instant.timestamp()) // 60
