"""When a client may cancel by themselves (spec CN-2), by the policy frozen on the booking."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from booking.domain.status import Status, move
from common.errors import Refused


class Policy(StrEnum):
    """What a client's own cancellation does before the late threshold."""

    ALLOWED = "allowed"
    APPROVAL = "approval"
    NOT_ALLOWED = "not_allowed"


class CancellationNotAllowed(Refused):
    """This practice takes cancellations itself; please get in touch with it."""


class CancellationTooLate(Refused):
    """It is too late to cancel.

    Details: `cancel_until_time`, RFC 3339.
    """


class NoCancellationRequested(Refused):
    """No client has asked for the cancellation of this booking."""


@dataclass(frozen=True)
class Cancelling:
    """What decides whether a client may cancel one booking now."""

    status: Status
    start: datetime
    policy: Policy
    late_minutes: int
    """A cancellation is late when fewer minutes than this remain."""
    requested: bool = False
    """Whether the client has asked already and waits for approval."""

    @property
    def until(self) -> datetime | None:
        """The last instant at which the client may cancel; None: never."""
        if self.status is Status.REQUESTED:
            return self.start
        if self.status is not Status.CONFIRMED or self.policy is Policy.NOT_ALLOWED:
            return None
        return self.start - timedelta(minutes=self.late_minutes)

    def allowed(self, now: datetime) -> bool:
        """Whether the client may cancel, or ask for it, now."""
        return self.until is not None and now <= self.until and not self.requested

    def needs_approval(self, now: datetime) -> bool:
        """Whether the client's cancellation waits for the practice; raises if it is refused.
        A request can always be withdrawn."""
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
        return self.policy is Policy.APPROVAL
