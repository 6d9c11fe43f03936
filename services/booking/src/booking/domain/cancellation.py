"""Whether a client may cancel without staff (spec CN-2), by the policy frozen on the booking."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from booking.domain.status import Status, move
from common.errors import Refused

CLIENT_REQUEST = "client_request"
"""The reason for a cancellation that the client requested."""


class CancellationPolicy(StrEnum):
    """The effect of a client's cancellation before the late threshold."""

    ALLOWED = "allowed"
    APPROVAL = "approval"
    NOT_ALLOWED = "not_allowed"


class CancelledBy(StrEnum):
    """The side whose cancellation it is."""

    CLIENT = "client"
    PRACTICE = "practice"


@dataclass(frozen=True)
class Cancellation:
    """One cancellation, as it is stored on the booking and sent to the client."""

    side: CancelledBy
    reason: str
    reason_text: str
    tell_client: bool


class CancellationNotAllowed(Refused):
    """Clients can't cancel online. To cancel, contact the practice."""


class CancellationTooLate(Refused):
    """It's too late to cancel online.

    Details: `cancel_until_time`, RFC 3339.
    """


class NoCancellationRequested(Refused):
    """The client hasn't requested a cancellation of this booking."""


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
                f"Online cancellation closed at {limit}.", cancel_until_time=limit
            )
        return self.is_subject_to_approval
