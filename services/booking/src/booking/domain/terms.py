"""The terms of a slot, as availability returns them and a booking freezes them (spec BK-6)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from booking.domain.cancellation import CancellationPolicy
from booking.domain.occupancy import Resource, TakenTime


class Confirmation(StrEnum):
    """Whether a booking is confirmed at once or is a request that the provider approves."""

    INSTANT = "instant"
    APPROVAL = "approval"


@dataclass(frozen=True)
class Slot:
    """A requested start: one service type with one provider, in one mode."""

    username: str
    service: str
    """The slug of the service type."""
    mode: str
    start: datetime


@dataclass(frozen=True)
class ServiceTerms:
    """One service on a booking. Amounts are minor units; a fee may be unset."""

    service_type_id: UUID
    slug: str
    title: str
    code: str
    duration_minutes: int
    currency_code: str
    price: int
    no_show_fee: int | None
    late_cancellation_fee: int | None


@dataclass(frozen=True)
class Terms:
    """The terms of a session with one provider, at any start."""

    practice_id: UUID
    provider_id: UUID
    username: str
    timezone: str
    """The provider's."""
    mode: str
    country: str
    """The practice's (ISO 3166-1), or empty."""
    synthetic: bool
    """Whether the practice exists only to test this Attune (spec PF-14)."""
    address: str
    resources: tuple[Resource, ...]
    """All that the session takes, the provider first."""
    service: ServiceTerms
    duration: timedelta
    buffer_before: timedelta
    buffer_after: timedelta
    confirmation: Confirmation
    client_cancellation: CancellationPolicy
    late_cancellation_minutes: int
    hold_duration: timedelta

    def taken_time(
        self, start: datetime, ref: UUID, kind: str, expires_at: datetime | None = None
    ) -> TakenTime:
        """Return the time that a session at `start` takes, buffers included."""
        end = start + self.duration
        return TakenTime(
            ref=ref,
            practice_id=self.practice_id,
            kind=kind,
            resources=self.resources,
            start=start - self.buffer_before,
            end=end + self.buffer_after,
            session_start=start,
            session_end=end,
            expires_at=expires_at,
        )
