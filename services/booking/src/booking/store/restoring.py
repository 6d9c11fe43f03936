"""What a restored database has to know: other services and NATS are ahead of it (spec PF-17).

They have seen revisions and versions that this database will count again, for other changes.
"""

from sqlalchemy import text
from sqlalchemy.orm import Session

_AHEAD = 1_000_000
"""More changes of one resource or booking than happen between a backup and its restoration."""

_JUMPS = {
    "resources": text("UPDATE resources SET revision = revision + :ahead"),
    "bookings": text("UPDATE bookings SET version = version + :ahead"),
}


def jump_ahead(session: Session) -> dict[str, int]:
    """Raise all revisions and versions beyond those that others may have seen; return how many."""
    return {
        table: session.execute(jump, {"ahead": _AHEAD}).rowcount  # type: ignore[attr-defined]  # of an UPDATE
        for table, jump in _JUMPS.items()
    }
