"""The set-up of a practice. Sessions see one practice alone; what reads many rows names it all the
same, for the sake of the indexes."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from availability.domain import inputs
from availability.store.tables import Override, PhysicalRoom, Practice, Provider, ServiceType
from common.errors import NotFound


class PracticeNotFound(NotFound):
    """There is no such practice."""


class ProviderNotFound(NotFound):
    """There is no such provider."""


class ServiceTypeNotFound(NotFound):
    """There is no such service type."""


class OverrideNotFound(NotFound):
    """There is no such override."""


def practice(session: Session, practice_id: UUID, *, lock: bool = False) -> Practice:
    """The practice. With its lock, whoever else changes its set-up waits."""
    found = session.get(Practice, practice_id, with_for_update=lock or None)
    if found is None:
        raise PracticeNotFound
    return found


def provider(session: Session, provider_id: UUID) -> Provider:
    """The provider of that id."""
    found = session.get(Provider, provider_id)
    if found is None:
        raise ProviderNotFound
    return found


def provider_named(session: Session, username: str) -> Provider:
    """The provider of that username."""
    # What cannot be a username may hold what no column can.
    wanted = select(Provider).where(Provider.username == username)
    found = session.scalar(wanted) if inputs.is_slug(username) else None
    if found is None:
        raise ProviderNotFound(field="username")
    return found


def providers(session: Session, practice_id: UUID, after: str, limit: int) -> Sequence[Provider]:
    """A practice's providers whose usernames come after that one, by username."""
    ordered = select(Provider).where(Provider.username > after).order_by(Provider.username)
    return session.scalars(ordered.filter_by(practice_id=practice_id).limit(limit)).all()


def add_provider(session: Session, row: Provider) -> bool:
    """Keep a new provider; False if the username is in use, in whichever practice."""
    columns = [column.key for column in Provider.__table__.columns if column.key != "number"]
    statement = insert(Provider).values({key: getattr(row, key) for key in columns})
    added = statement.on_conflict_do_nothing(index_elements=[Provider.username])
    return session.scalar(added.returning(Provider.id)) is not None


def rooms(session: Session, practice_id: UUID) -> Sequence[PhysicalRoom]:
    """A practice's physical rooms, by name."""
    ordered = select(PhysicalRoom).order_by(PhysicalRoom.name, PhysicalRoom.id)
    return session.scalars(ordered.filter_by(practice_id=practice_id)).all()


def overrides(session: Session, provider_id: UUID, since: date) -> Sequence[Override]:
    """A provider's overrides from a date on, by date."""
    of_provider = select(Override).where(Override.provider_id == provider_id)
    return session.scalars(of_provider.where(Override.date >= since).order_by(Override.date)).all()


def put_override(session: Session, row: Override) -> None:
    """Keep an override, instead of any other of its date."""
    same_date = (Override.provider_id == row.provider_id) & (Override.date == row.date)
    session.execute(delete(Override).where(same_date))
    session.add(row)
    session.flush()


def remove_override(session: Session, provider_id: UUID, override_id: UUID) -> None:
    """Forget an override of that provider; raises OverrideNotFound."""
    of_provider = (Override.provider_id == provider_id) & (Override.id == override_id)
    if session.scalar(delete(Override).where(of_provider).returning(Override.id)) is None:
        raise OverrideNotFound


def service_types(session: Session, practice_id: UUID) -> Sequence[ServiceType]:
    """A practice's service types, by slug, without those deleted."""
    kept = select(ServiceType).where(~ServiceType.deleted).order_by(ServiceType.slug)
    return session.scalars(kept.filter_by(practice_id=practice_id)).all()


def service_type(session: Session, service_type_id: UUID) -> ServiceType:
    """The service type of that id, unless it was deleted."""
    found = session.get(ServiceType, service_type_id)
    if found is None or found.deleted:
        raise ServiceTypeNotFound
    return found
