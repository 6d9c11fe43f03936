"""Everything that one email is made of."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Final
from unicodedata import category
from uuid import UUID
from zoneinfo import ZoneInfo

from babel import Locale

from attune.availability.v1.availability_pb2 import Practice, Provider
from attune.booking.v1 import booking_pb2 as pb
from common import zones
from common.texts import Catalogs, Reader
from notifications.domain.addresses import UnusableAddress, mailable
from notifications.domain.notices import Kind, Recipient

CATALOGS: Final = Catalogs.of("notifications")
_REGION = "en-US"  # the formats of readers whose region is not known
_OVER = frozenset({Kind.BOOKING_DECLINED, Kind.BOOKING_EXPIRED, Kind.BOOKING_CANCELLED})


@dataclass(frozen=True)
class Links:
    """The links of a message: to the booking, the provider's booking page, and the video room."""

    manage: str
    book: str = ""
    join: str = ""


@dataclass(frozen=True)
class Letter:
    """A notice with the data of its booking, in the form that its reader needs."""

    notice_id: UUID
    kind: Kind
    recipient: Recipient
    booking: pb.Booking
    provider: Provider
    practice: Practice
    links: Links
    sender: str
    sent_at: datetime
    # Whether the reader got an invite before, which a cancellation withdraws. A calendar that never
    # received the invite ignores the withdrawal.
    invited: bool = False
    catalogs: Catalogs = CATALOGS

    @property
    def is_for_client(self) -> bool:
        return self.recipient is Recipient.CLIENT

    @property
    def start(self) -> datetime:
        return self.booking.start_time.ToDatetime(UTC)

    @property
    def end(self) -> datetime:
        return self.booking.end_time.ToDatetime(UTC)

    @property
    def to(self) -> str:
        """The reader's address. Raises UnusableAddress."""
        return mailable(self.booking.contact.email if self.is_for_client else self.provider.email)

    @property
    def zone(self) -> ZoneInfo:
        """The reader's time zone, or the provider's where the reader's is not known."""
        own = self.booking.contact.timezone if self.is_for_client else ""
        wanted = (own, self.provider.timezone, self.booking.timezone)
        return zones.zone(next((name for name in wanted if name in zones.NAMES), "UTC"))

    @cached_property
    def reader(self) -> Reader:
        """The language of the texts, with the formats of the reader's region.

        The client's language is that of their browser when they booked; the provider reads
        English with the formats of the practice's country.
        """
        country = self.practice.country
        own = self.booking.contact.locale if self.is_for_client else f"en-{country}"
        return self.catalogs.reader(own, _REGION)

    @property
    def locale(self) -> Locale:
        return self.reader.locale

    @property
    def is_over(self) -> bool:
        """Whether there will be no session."""
        return self.kind in _OVER

    @property
    def is_by_client(self) -> bool:
        """Whether the client cancelled, or staff approved that they do."""
        return self.booking.cancelled_by == pb.CANCELLED_BY_CLIENT

    @property
    def is_unconfirmed(self) -> bool:
        """Whether a cancellation is of a request that was never confirmed."""
        changes = self._changes
        return self.kind is Kind.BOOKING_CANCELLED and bool(changes) and "confirmed" not in changes

    @property
    def is_approval(self) -> bool:
        """Whether a cancellation is one that the client asked for, and staff approved."""
        return self.is_by_client and self._changes[-2:] == ["cancellation_requested", "cancelled"]

    @property
    def _changes(self) -> list[str]:
        return [entry.change for entry in self.booking.history]

    @property
    def is_invitation(self) -> bool:
        """Whether the message has an invite to the session."""
        return self.kind is Kind.BOOKING_CONFIRMED

    @property
    def replies_to(self) -> str:
        """The practice's address, to which answers go; empty if it has none."""
        try:
            return mailable(self.practice.email) if self.practice.email else ""
        except UnusableAddress:
            return ""

    @property
    def desk(self) -> str:
        """The address to which answers go as people write it; empty if there is none."""
        return line(self.practice.email) if self.replies_to else ""

    @property
    def practice_name(self) -> str:
        return line(self.practice.name)

    @property
    def provider_name(self) -> str:
        return line(self.provider.display_name)


def line(text: str) -> str:
    """Return a text on one line and without control characters, fit for a header.

    Joiners stay: some scripts need them.
    """
    return "".join(c for c in " ".join(text.split()) if category(c) not in {"Cc", "Cs", "Zl", "Zp"})
