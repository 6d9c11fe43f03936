"""Service types."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from availability.actions import setup
from availability.domain.service_types import ServiceType, check_count, checked
from availability.search.cache import Cache
from availability.store import service_types, tables
from availability.store.tables import Practice
from common import audit, ids
from common.errors import Conflict, Stale
from common.rpc.identity import Identity


class SlugTaken(Conflict):
    """A service type with this slug already exists."""


def create(
    session: Session, cache: Cache, practice: Practice, wanted: ServiceType
) -> tables.ServiceType:
    """Create a service type of a locked practice (spec AV-11).

    Raises SlugTaken, TooManyActiveServiceTypes, TooManyServiceTypes, and what `checked` raises.
    """
    saved = checked(wanted, practice.currency_code)
    row = tables.ServiceType(
        id=ids.new(),
        practice_id=practice.practice_id,
        version=1,
        deleted=False,
        **service_types.to_columns(saved),
    )
    _check_others(session, practice, saved, row.id)
    session.add(row)
    setup.practice_changed(session, cache, practice)
    audit.record(session, "service_type.create", service_type=row.id)
    return row


def update(
    session: Session,
    actor: Identity,
    cache: Cache,
    service_type_id: UUID,
    version: int,
    changes: Mapping[str, Any],
) -> tuple[tables.ServiceType, Practice]:
    """Change some fields of a service type; return it with its practice.

    Raises Stale if the stored service type has another version, and what `create` raises.
    """
    practice = setup.lock_practice(session, actor)
    row = service_types.get(session, service_type_id)
    if version != row.version:
        raise Stale(field="service_type.version")
    stored = service_types.from_row(row, practice.currency_code)
    saved = checked(replace(stored, **changes), practice.currency_code)
    _check_others(session, practice, saved, row.id)
    for name, value in service_types.to_columns(saved).items():
        setattr(row, name, value)
    row.version += 1
    setup.practice_changed(session, cache, practice)
    audit.record(session, "service_type.change", service_type=row.id)
    return row, practice


def delete(session: Session, actor: Identity, cache: Cache, service_type_id: UUID) -> None:
    """Take a service type out of use. Bookings that were made keep its terms (spec AV-14)."""
    practice = setup.lock_practice(session, actor)
    row = service_types.get(session, service_type_id)
    row.deleted = True
    row.active = False
    setup.practice_changed(session, cache, practice)
    audit.record(session, "service_type.delete", service_type=row.id)


def _check_others(session: Session, practice: Practice, saved: ServiceType, row_id: UUID) -> None:
    """Raise if the practice's other service types leave no room for this one (spec AV-11)."""
    kept = service_types.of_practice(session, practice.practice_id)
    others = [other for other in kept if other.id != row_id]
    if any(other.slug == saved.slug for other in others):
        raise SlugTaken(field="service_type.slug")
    active = sum(other.active for other in others) + saved.active
    check_count(active, len(others) + 1)
