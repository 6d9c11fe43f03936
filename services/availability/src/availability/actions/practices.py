"""Practices."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy.orm import Session

from availability.actions import setup
from availability.domain.policies import Settings
from availability.domain.setup import PracticeDetails
from availability.search.cache import Cache
from availability.store.tables import Practice
from common import audit


def create(
    session: Session, practice_id: UUID, details: PracticeDetails, policies: Settings
) -> Practice:
    """Create a practice. Policies that it does not set are the product's defaults."""
    practice = Practice(
        practice_id=practice_id,
        name=details.name,
        timezone=details.timezone,
        currency_code=details.currency_code,
        country=details.country,
        address=details.address,
        phone=details.phone,
        email=details.email,
        website=details.website,
        synthetic=details.synthetic,
        policies=dict(policies),
        policies_version=1,
        changes=1,
        setup_version=1,
    )
    session.add(practice)
    session.flush()
    audit.record(session, "practice.create", practice=practice.practice_id)
    return practice


def update(
    session: Session, cache: Cache, practice: Practice, changes: Mapping[str, str]
) -> Practice:
    """Change some details of a locked practice. `changes` are values by column."""
    for column, value in changes.items():
        setattr(practice, column, value)
    setup.practice_changed(session, cache, practice)
    audit.record(session, "practice.change", practice=practice.practice_id)
    return practice
