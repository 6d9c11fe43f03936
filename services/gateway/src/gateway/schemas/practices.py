"""The practice."""

from typing import Annotated

from pydantic import Field

from gateway.openapi.types import Answer, Line, Named, Request

_Line = Annotated[Line, Field(max_length=200)]


class PracticeChange(Request):
    """New values for some details of the practice. Fields that are left out stay as they are."""

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

    id: str
    name: str
    timezone: str
    currency: str
    country: str
    address: str
    phone: str
    email: str
    website: str
