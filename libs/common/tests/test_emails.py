"""Email addresses: what people paste, IDNA 2008, and equal addresses."""

import pytest

from common import emails
from common.errors import Invalid

pytestmark = pytest.mark.req("CL-2", "NT-2")


@pytest.mark.parametrize(
    ("typed", "mailable"),
    [
        ("anna@straße.example", "anna@xn--strae-oqa.example"),
        ("anna@faß.example", "anna@xn--fa-hia.example"),
        ("anna@βόλος.example", "anna@xn--nxasmm1c.example"),
        ("anna@bücher.example", "anna@xn--bcher-kva.example"),
        ("anna@BÜCHER.example", "anna@xn--bcher-kva.example"),
        ("anna@xn--bcher-kva.example", "anna@xn--bcher-kva.example"),
        ("anna@例え.example", "anna@xn--r8jz45g.example"),
        ("O'Brien+new@example.com", "O'Brien+new@example.com"),
        ("anna@clinic.test", "anna@clinic.test"),
    ],
)
def test_the_domain_is_encoded_as_mail_servers_do(typed: str, mailable: str) -> None:
    assert emails.parse(typed, "email").mailable == mailable


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("anna@straße.example", "anna@strasse.example"),
        ("anna@faß.example", "anna@fass.example"),
        ("anna@βόλος.example", "anna@βόλοσ.example"),
        ("anna@ſide.example", "anna@site.example"),
        ("anna@example.com", "ann.a@example.com"),
        ("anna@example.com", "anna+1@example.com"),
    ],
)
def test_different_addresses_have_different_keys(one: str, other: str) -> None:
    assert emails.parse(one, "email").key != emails.parse(other, "email").key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Anna@Example.COM", "anna@example.com"),
        ("anna@bücher.example", "ANNA@xn--bcher-kva.EXAMPLE"),
        ("anna@BÜCHER.example", "anna@bücher.example"),
        ("anna@example。com", "anna@example.com"),
    ],
)
def test_equal_addresses_have_equal_keys(one: str, other: str) -> None:
    assert emails.parse(one, "email").key == emails.parse(other, "email").key


@pytest.mark.parametrize(
    "pasted",
    [
        "  anna@example.com\n",
        "anna@example.com\u200b",
        "\u202aanna@example.com\u202c",
        "\ufeffanna@example.com",
        "an\u00adna@example.com",
        "anna\u200d@example.com",
        "anna@example.com\u00a0",
        "<anna@example.com>",
        "mailto:anna@example.com",
        "ａｎｎａ@example.com",
        "anna@example.com.",
        "anna@example.com,",
    ],
)
def test_what_people_paste_is_cleaned(pasted: str) -> None:
    assert emails.parse(pasted, "email").text == "anna@example.com"


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("", "INVALID_EMAIL"),
        ("anna", "INVALID_EMAIL"),
        ("anna@", "INVALID_EMAIL"),
        ("anna@example", "INVALID_EMAIL"),
        ("anna@quill@example.com", "INVALID_EMAIL"),
        ("anna quill@example.com", "INVALID_EMAIL"),
        ("anna..quill@example.com", "INVALID_EMAIL"),
        ("anna@exa mple.com", "INVALID_EMAIL"),
        ("anna@[127.0.0.1]", "INVALID_EMAIL"),
        ("anna@example.com\r\nBcc: all@example.com", "INVALID_EMAIL"),
        ("x" * 100_000 + "@example.com", "INVALID_EMAIL"),
        # Without its joiner it would be another domain.
        ("anna@نامه\u200cای.example", "INVALID_EMAIL"),
        ("jörg@example.com", "UNDELIVERABLE_EMAIL"),
        ("анна@example.com", "UNDELIVERABLE_EMAIL"),
        ("安娜@example.com", "UNDELIVERABLE_EMAIL"),
        ("ñandu@example.com", "UNDELIVERABLE_EMAIL"),
        ("straße@example.com", "UNDELIVERABLE_EMAIL"),
    ],
)
def test_what_cannot_be_mailed_is_refused(typed: str, reason: str) -> None:
    with pytest.raises(Invalid) as refused:
        emails.parse(typed, "client.email")
    assert (refused.value.reason, refused.value.field) == (reason, "client.email")
    assert len(typed) < 5 or typed not in refused.value.message
