"""The details form of the booking page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from flask import request

from attune.common.v1.types_pb2 import MODE_PHONE
from common import emails, phones, validation
from gateway.backends.bookings import Details
from gateway.pages.booking import picker, terms
from gateway.pages.booking.choice import Choice
from gateway.pages.shared import context, formats, forms
from gateway.pages.shared.language import reader

FIELDS = {
    "client.name": "name",
    "client.email": "email",
    "client.phone": "phone",
    "note": "note",
}
"""The form's fields, by the field of the request that a failure names."""


@dataclass
class Form:
    """The values that were entered, and what is wrong with them."""

    request_id: str
    values: Mapping[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    problem: dict[str, str] = field(default_factory=dict)
    alternatives: Sequence[datetime] = ()
    hold_id: str = ""
    hold_seconds: int = 0
    """How long the visitor still holds the chosen time; 0 if they do not."""
    lost: bool = False
    """The chosen time is not available; another one must be chosen first."""
    said: str = ""

    @classmethod
    def new(cls) -> "Form":
        """Return an empty form."""
        return cls(forms.new_request_id())

    @classmethod
    def sent(cls) -> "Form":
        """Return the form of this request."""
        return cls(forms.sent_request_id(), request.form)

    def check(self, choice: Choice) -> dict[str, str]:
        """Return what is wrong with each field, all at once. Booking checks them again."""
        country = choice.profile.practice.country

        def phone(entered: str) -> object:
            return phones.optional(entered, country, "phone")

        checks = {
            "name": forms.required("name", lambda entered: validation.line(entered, "name")),
            "email": forms.required("email", lambda entered: emails.parse(entered, "email")),
            "phone": forms.required("phone", phone) if choice.mode == MODE_PHONE else phone,
            "note": lambda entered: validation.words(entered, "note"),
        }
        return forms.errors_of(self.values, checks)

    def details(self, choice: Choice) -> Details:
        """Return what the client entered, and the language in which they book."""
        get = self.values.get
        return Details(
            get("name", ""),
            get("email", ""),
            get("phone", ""),
            choice.zone_name,
            get("note", ""),
            get("locale", "") or reader().tag,
        )


def view(choice: Choice, form: Form, start: datetime) -> dict[str, Any]:
    """Return what the template shows of the form and of the chosen time."""
    length = timedelta(minutes=choice.service.duration_minutes if choice.service else 1)
    zone, locale, now = choice.shown_zone, reader().locale, context.now()
    day = start.astimezone(zone).date()
    return {
        "start": start,
        "end": start + length,
        "when_date": formats.long_date(day, locale),
        "when_time": formats.clock_span(start, start + length, zone, locale),
        "zone_words": formats.zone_label(start, zone),
        "your_when": _your_when(choice, start, start + length),
        "picker_url": choice.url(start="", date=day, month=f"{day:%Y-%m}"),
        "booking_terms": terms.of_booking(choice, start, now),
        "alternatives": [picker.time(choice, free) for free in form.alternatives],
        "hold_id": form.hold_id,
        "hold_seconds": max(0, form.hold_seconds),
        "hold_minutes": -(-form.hold_seconds // 60),
        "request_id": form.request_id,
        "values": form.values,
        "errors": form.errors,
        "said": form.said,
        "lost": form.lost,
    }


def _your_when(choice: Choice, start: datetime, end: datetime) -> str:
    """Return, in person, the time in the reader's zone if it differs from that of the place."""
    zone, locale = choice.zone, reader().locale
    if not picker.differ(choice, start):
        return ""
    day = formats.short_date(start.astimezone(zone).date(), locale)
    span = formats.clock_span(start, end, zone, locale)
    return f"{day}, {span}, {formats.zone_label(start, zone)}"
