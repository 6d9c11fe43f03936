"""Contacts are checked; a phone number is read for a mode and a country."""

import pytest

from booking.domain.contacts import contact
from common.errors import Invalid

pytestmark = pytest.mark.req("BK-1")

GOOD = {
    "name": "Mara Quill",
    "email": "Mara.Quill@Example.com",
    "phone": "(212) 555-0100",
    "timezone": "Europe/Berlin",
    "locale": "en-US",
}


def test_a_contact_is_kept_as_typed() -> None:
    made = contact(**{**GOOD, "name": "  Mara Quill ", "email": " Mara.Quill@Example.com"})
    assert (made.name, made.email.text) == ("Mara Quill", "Mara.Quill@Example.com")
    assert (made.timezone, made.locale) == ("Europe/Berlin", "en-US")


@pytest.mark.parametrize("mode", ["telehealth", "in_person", "phone"])
def test_a_number_is_read_with_the_practices_country(mode: str) -> None:
    assert contact(**GOOD).phone_for(mode, "US") == "+12125550100"


@pytest.mark.parametrize("typed", ["", " ", "\t"])
@pytest.mark.parametrize("mode", ["telehealth", "in_person"])
def test_only_a_session_by_phone_needs_a_number(typed: str, mode: str) -> None:
    made = contact(**{**GOOD, "phone": typed})
    assert made.phone_for(mode, "US") == ""
    with pytest.raises(Invalid) as refused:
        made.phone_for("phone", "US")
    assert (refused.value.field, refused.value.reason) == ("client.phone", "PHONE_REQUIRED")


@pytest.mark.parametrize(
    ("field", "text", "reason"),
    [
        ("name", " ", "REQUIRED"),
        ("name", "x" * 201, "TOO_LONG"),
        ("name", "Mara\x00Quill", "INVALID_TEXT"),
        ("name", "Mara\nQuill", "INVALID_TEXT"),
        ("email", "", "INVALID_EMAIL"),
        ("email", "jörg@example.com", "UNDELIVERABLE_EMAIL"),
        ("email", "mara@example.com\r\nBcc: all@example.com", "INVALID_EMAIL"),
        ("timezone", "", "UNKNOWN_ZONE"),
        ("timezone", "Mars/Olympus", "UNKNOWN_ZONE"),
        ("timezone", "../../etc/passwd", "UNKNOWN_ZONE"),
        ("locale", "en_US", "UNKNOWN_LOCALE"),
        ("locale", "<script>", "UNKNOWN_LOCALE"),
    ],
)
def test_a_wrong_field_is_named_and_not_repeated(field: str, text: str, reason: str) -> None:
    with pytest.raises(Invalid) as refused:
        contact(**{**GOOD, field: text})
    assert (refused.value.field, refused.value.reason) == (f"client.{field}", reason)
    if field not in {"timezone", "locale"} and len(text) > 2:
        assert text not in refused.value.message
