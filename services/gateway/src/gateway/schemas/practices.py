"""The practice."""

from typing import Annotated

from pydantic import Field

from gateway.openapi import examples
from gateway.openapi.types import Answer, Line, Named, Request

SYNTHETIC = (
    "Whether the practice exists only to test this Attune: its bookings send no email and are not"
    " billed."
)
_Line = Annotated[Line, Field(max_length=200)]


class PracticeChange(Request):
    """New values for some details of the practice. Fields that are left out stay as they are."""

    example = {"phone": "(718) 555-0142", "email": "hello@demo.example"}

    name: Named | None = None
    address: _Line | None = None
    country: _Line | None = Field(
        None,
        description="ISO 3166-1, such as US. Phone numbers without a country code are read as"
        " numbers of this country.",
    )
    phone: Annotated[Line, Field(max_length=60)] | None = None
    email: _Line | None = None
    website: _Line | None = None


class Practice(Answer):
    """The practice of the account. Its contact details are public."""

    example = {
        "id": examples.PRACTICE_ID,
        "name": "Demo Practice",
        "timezone": "America/New_York",
        "currency": "USD",
        "country": "US",
        "address": "12 Willow Street, Brooklyn, NY 11201",
        "phone": "+17185550142",
        "email": "hello@demo.example",
        "website": "https://demo.example",
        "synthetic": False,
    }

    id: str
    name: str
    timezone: str
    currency: str
    country: str
    address: str
    phone: str
    email: str
    website: str
    synthetic: bool = Field(description=SYNTHETIC)
