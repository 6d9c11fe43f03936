"""Practices."""

from uuid import UUID

from sqlalchemy.orm import Session

from availability.store.tables import Practice
from common.errors import NotFound


class PracticeNotFound(NotFound):
    """This practice doesn't exist."""


def get(session: Session, practice_id: UUID, *, lock: bool = False) -> Practice:
    """Return a practice. Raises PracticeNotFound.

    With `lock`, other transactions that change the practice's set-up wait for this one.
    """
    found = session.get(Practice, practice_id, with_for_update=lock or None)
    if found is None:
        raise PracticeNotFound
    return found
