"""Contacts are checked and normalized."""

import pytest

from booking.domain.contacts import Contact, contact
from common.errors import Invalid

pytestmark = pytest.mark.req("BK-1")

GOOD = {
    "name": "Mara Quill",
    "email": "Mara.Quill@Example.com",
    "phone": "+1 (212) 555-0100",
    "timezone": "Europe/Berlin",
}


def test_a_contact_is_brought_into_one_form() -> None:
    given = {**GOOD, "name": "  Mara Quill ", "phone": " +1 (212) 555-0100 "}
    assert contact(**given) == Contact(
        "Mara Quill", "Mara.Quill@example.com", "+12125550100", "Europe/Berlin"
    )


def test_the_phone_is_optional() -> None:
    assert contact(**{**GOOD, "phone": " "}).phone == ""


@pytest.mark.req("CL-2")
def test_addresses_that_differ_in_case_are_the_same() -> None:
    one, other = contact(**GOOD), contact(**{**GOOD, "email": "MARA.QUILL@EXAMPLE.COM"})
    assert one.email_key == other.email_key == "mara.quill@example.com"


@pytest.mark.parametrize("email", ["mara@demo.example", "mara@clinic.test", "jörg@bücher.example"])
def test_addresses_that_cannot_be_delivered_to_may_book(email: str) -> None:
    assert contact(**{**GOOD, "email": email}).email == email


@pytest.mark.parametrize(
    ("field", "text", "reason"),
    [
        ("name", " ", "REQUIRED"),
        ("name", "x" * 201, "TOO_LONG"),
        ("name", "Mara\x00Quill", "INVALID_TEXT"),
        ("name", "Mara\nQuill", "INVALID_TEXT"),
        ("email", "", "INVALID_EMAIL"),
        ("email", "mara", "INVALID_EMAIL"),
        ("email", "mara@quill@example.com", "INVALID_EMAIL"),
        ("email", "mara\x00@example.com", "INVALID_EMAIL"),
        ("email", "mara@example.com\r\nBcc: all@example.com", "INVALID_EMAIL"),
        ("email", "x" * 100_000 + "@example.com", "INVALID_EMAIL"),
        ("phone", "555-0100", "INVALID_PHONE"),
        ("phone", "0212 5550100", "INVALID_PHONE"),
        ("phone", "+", "INVALID_PHONE"),
        ("phone", "+1", "INVALID_PHONE"),
        ("phone", "+999 123456789", "INVALID_PHONE"),
        ("phone", "+1 212 555 0100 0000 0000", "INVALID_PHONE"),
        ("phone", "+" + "1" * 1000, "INVALID_PHONE"),
        ("phone", "+1\x00212", "INVALID_PHONE"),
        ("timezone", "", "UNKNOWN_ZONE"),
        ("timezone", "Mars/Olympus", "UNKNOWN_ZONE"),
        ("timezone", "../../etc/passwd", "UNKNOWN_ZONE"),
    ],
)
def test_a_wrong_field_is_named_and_not_repeated(field: str, text: str, reason: str) -> None:
    with pytest.raises(Invalid) as refused:
        contact(**{**GOOD, field: text})
    assert (refused.value.field, refused.value.reason) == (f"client.{field}", reason)
    if field != "timezone" and len(text) > 2:
        assert text not in refused.value.message
