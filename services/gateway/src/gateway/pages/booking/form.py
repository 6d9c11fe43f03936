"""The details form of the booking page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from flask import request

from attune.booking.v1.booking_pb2 import Hold
from attune.common.v1.types_pb2 import MODE_PHONE
from common import emails, phones, proto, validation
from gateway.backends.bookings import Details
from gateway.identity import csrf
from gateway.pages.booking.choice import Choice
from gateway.pages.shared import context, forms
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
    hold: Hold | None = None
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


def view(choice: Choice, form: Form) -> dict[str, Any]:
    """Return what the template shows of the form."""
    length = timedelta(minutes=choice.service.duration_minutes if choice.service else 1)
    hold = form.hold
    seconds = (proto.instant(hold.expire_time) - context.now()).total_seconds() if hold else 0
    return {
        "service": choice.service,
        "mode": choice.mode,
        "start": choice.start,
        "end": choice.start + length if choice.start else None,
        "request_id": form.request_id,
        "csrf_token": csrf.token(),
        "values": form.values,
        "errors": form.errors,
        "problem": form.problem,
        "alternatives": form.alternatives,
        "lost": form.lost,
        "said": form.said,
        "hold_id": hold.hold_id if hold else form.values.get("hold", ""),
        "hold_seconds": max(0, int(seconds)),
    }
