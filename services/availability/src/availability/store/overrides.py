"""Overrides: the hours of single dates."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from availability.store.tables import Override
from common.errors import NotFound


class OverrideNotFound(NotFound):
    """This override doesn't exist."""


def of_provider(session: Session, provider_id: UUID, since: date) -> Sequence[Override]:
    """Return a provider's overrides of `since` and later, by date."""
    found = select(Override).where(Override.provider_id == provider_id)
    return session.scalars(found.where(Override.date >= since).order_by(Override.date)).all()


def put(session: Session, override: Override) -> None:
    """Insert an override in place of any other of the same provider and date."""
    same_date = (Override.provider_id == override.provider_id) & (Override.date == override.date)
    session.execute(delete(Override).where(same_date))
    session.add(override)
    session.flush()


def remove(session: Session, provider_id: UUID, override_id: UUID) -> None:
    """Delete an override of the provider. Raises OverrideNotFound."""
    wanted = (Override.provider_id == provider_id) & (Override.id == override_id)
    if session.scalar(delete(Override).where(wanted).returning(Override.id)) is None:
        raise OverrideNotFound
