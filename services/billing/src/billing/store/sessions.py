"""The newest version of each booking that billing has judged: older ones arrive late."""

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
