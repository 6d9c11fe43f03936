"""Addresses that mail can be sent to."""

import pytest

from notifications.domain.addresses import UnusableAddress, mailable


@pytest.mark.parametrize(
    ("address", "usable"),
    [
        ("dana@client.example", "dana@client.example"),
        ("D.O'Hara+x@client.example", "D.O'Hara+x@client.example"),
        ("dana@müller.example", "dana@xn--mller-kva.example"),
    ],
)
def test_what_mail_can_be_sent_to(address: str, usable: str) -> None:
    assert mailable(address) == usable


@pytest.mark.parametrize(
    "address",
    [
        "",
        "dana",
        "dana@",
        "@client.example",
        "a@b@client.example",
        "dana@client.example, eve@client.example",
        "dana@client.example\r\nBcc: eve@client.example",
        "Dana <dana@client.example>",
        ".dana@client.example",
        "dana..q@client.example",
        "änne@client.example",
        "dana@client..example",
        f"dana@{'x' * 64}.example",
        "dana\0@client.example",
    ],
)
def test_what_no_mail_is_sent_to(address: str) -> None:
    with pytest.raises(UnusableAddress):
        mailable(address)
