"""The schema revision of a database, read without Alembic, whose import takes half a second.

Revisions are numbers, and the file name of a migration begins with its revision: `0002_audit.py`.
"""

import importlib.resources

from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from common.db.database import EVERY_PRACTICE, Database

_CURRENT = text("SELECT version_num FROM alembic_version")


def newest(package: str) -> str:
    """Return the revision that a service's code expects."""
    return max(_revisions(package))


def current(database: Database) -> str:
    """Return the revision of a database; empty before the first migration."""
    try:
        with database.transaction(EVERY_PRACTICE) as session:
            return str(session.scalar(_CURRENT) or "")
    except ProgrammingError:  # the table does not exist before the first migration
        return ""


def is_ready(package: str, database: Database) -> bool:
    """Return whether the database has at least the revision that the code expects.

    A newer one is fine: schemas expand before they contract (spec PF-15).
    """
    return current(database) >= newest(package)


def _revisions(package: str) -> list[str]:
    scripts = importlib.resources.files(package) / "migrations" / "versions"
    return [s.name.partition("_")[0] for s in scripts.iterdir() if s.name[:4].isdigit()]
