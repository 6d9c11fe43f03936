"""Whether a client may cancel without staff (spec CN-2), by the policy frozen on the booking."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from booking.domain.status import Status, move
from common.errors import Refused

CLIENT_REQUEST = "client_request"
"""The reason of a cancellation that the client wanted."""


class CancellationPolicy(StrEnum):
    """What a client's cancellation does before the late threshold."""

    ALLOWED = "allowed"
    APPROVAL = "approval"
    NOT_ALLOWED = "not_allowed"


class CancelledBy(StrEnum):
    """The side whose cancellation it is."""

    CLIENT = "client"
    PRACTICE = "practice"


@dataclass(frozen=True)
class Cancellation:
    """One cancellation, as the booking keeps it and the client hears of it."""

    side: CancelledBy
    reason: str
    reason_text: str
    tell_client: bool


class CancellationNotAllowed(Refused):
    """This practice takes cancellations itself; please get in touch with it."""


class CancellationTooLate(Refused):
    """It is too late to cancel.

    Details: `cancel_until_time`, RFC 3339.
    """


class NoCancellationRequested(Refused):
    """No client has asked for the cancellation of this booking."""


@dataclass(frozen=True)
class CancellationRule:
    """Decides whether the client of one booking may cancel it."""

    status: Status
    start: datetime
    policy: CancellationPolicy
    late_minutes: int
    """A cancellation is late when fewer minutes than this remain."""
    is_requested: bool = False
    """Whether the client has already asked and waits for approval."""

    @property
    def until(self) -> datetime | None:
        """The last instant at which the client may cancel; None if there is none."""
        if self.status is Status.REQUESTED:
            return self.start
        if self.status is not Status.CONFIRMED or self.policy is CancellationPolicy.NOT_ALLOWED:
            return None
        return self.start - timedelta(minutes=self.late_minutes)

    @property
    def is_subject_to_approval(self) -> bool:
        """Whether the practice has to approve the client's cancellation, not a withdrawal."""
        return self.status is not Status.REQUESTED and self.policy is CancellationPolicy.APPROVAL

    def allows(self, now: datetime) -> bool:
        """Return whether the client may cancel, or ask for a cancellation, now."""
        return self.until is not None and now <= self.until and not self.is_requested

    def needs_approval(self, now: datetime) -> bool:
        """Return whether a cancellation by the client must be approved by the practice.

        A client can always withdraw a request. Raises WrongStatus, CancellationNotAllowed, or
        CancellationTooLate.
        """
        move(self.status, Status.CANCELLED)
        if self.status is Status.REQUESTED:
            return False
        if self.until is None:
            raise CancellationNotAllowed
        if now > self.until:
            limit = self.until.isoformat(timespec="minutes").replace("+00:00", "Z")
            raise CancellationTooLate(
                f"This could be cancelled until {limit}.", cancel_until_time=limit
            )
        return self.is_subject_to_approval
