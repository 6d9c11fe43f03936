"""The newest version of each booking that billing has judged: older ones arrive late."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from billing.domain import BookingVersion
from billing.store.tables import BilledSession


def claim(session: Session, booking: BookingVersion) -> int | None:
    """Lock a booking's row and record its version, until the transaction ends.

    Return the version of the payment status that follows, or None if this version of the booking,
    or a newer one, has been judged.
    """
    row = insert(BilledSession).values(
        booking_id=booking.booking_id,
        practice_id=booking.practice_id,
        booking_version=booking.version,
    )
    claimed = row.on_conflict_do_update(
        index_elements=[BilledSession.booking_id],
        set_={
            "booking_version": row.excluded.booking_version,
            "payment_version": BilledSession.payment_version + 1,
        },
        where=BilledSession.booking_version < row.excluded.booking_version,
    ).returning(BilledSession.payment_version)
    version: int | None = session.scalar(claimed)
    return version


def lock(session: Session, booking: BookingVersion) -> BilledSession:
    """Lock a booking's row, added if billing has not judged the booking, until the end of the
    transaction."""
    row = insert(BilledSession).values(
        booking_id=booking.booking_id, practice_id=booking.practice_id, booking_version=0
    )
    session.execute(row.on_conflict_do_nothing())
    of_booking = select(BilledSession).where(BilledSession.booking_id == booking.booking_id)
    return session.scalars(of_booking.with_for_update()).one()


def of_bookings(session: Session, booking_ids: Sequence[UUID]) -> dict[UUID, BilledSession]:
    """Return what billing has judged of these bookings, by booking."""
    rows = session.scalars(select(BilledSession).where(BilledSession.booking_id.in_(booking_ids)))
    return {row.booking_id: row for row in rows}
