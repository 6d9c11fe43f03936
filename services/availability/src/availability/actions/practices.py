"""Practices."""

from uuid import UUID

from sqlalchemy.orm import Session

from availability.domain.policies import Settings
from availability.store.tables import Practice
from common import audit


def create(
    session: Session,
    practice_id: UUID,
    *,
    name: str,
    timezone: str,
    currency_code: str,
    address: str,
    policies: Settings,
) -> Practice:
    """Create a practice. Policies that it does not set are the product's defaults."""
    practice = Practice(
        practice_id=practice_id,
        name=name,
        timezone=timezone,
        currency_code=currency_code,
        address=address,
        policies=dict(policies),
        policies_version=1,
        changes=1,
        setup_version=1,
    )
    session.add(practice)
    session.flush()
    audit.record(session, "practice.create", practice=practice.practice_id)
    return practice
