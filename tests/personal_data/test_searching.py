"""The search itself: it finds a seed however it is written."""

import base64
import html
import json
import quopri
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest

from tests.personal_data import seeds
from tests.personal_data.seeds import Needles, search

pytestmark = pytest.mark.req("PF-7")
TOKEN = "Zk3_Token-of_a_link"
Encode = Callable[[str], bytes]
WAYS: dict[str, Encode] = {
    "as it is": str.encode,
    "small": lambda text: text.lower().encode(),
    "capital": lambda text: text.upper().encode(),
    "latin 1": lambda text: text.encode("latin-1"),
    "UTF-16": lambda text: text.encode("utf-16-le"),
    "JSON": lambda text: json.dumps(text).encode(),
    "hexadecimal": lambda text: text.encode().hex().encode(),
    "HEXADECIMAL": lambda text: text.encode().hex().upper().encode(),
    "percent": lambda text: quote(text).encode(),
    "form": lambda text: quote_plus(text).encode(),
    "HTML": lambda text: html.escape(text).encode("ascii", "xmlcharrefreplace"),
    "quoted-printable": lambda text: quopri.encodestring(text.encode()),
    "repr": lambda text: repr(text.encode()).encode(),
    **{
        f"Base64 behind {ahead}": lambda text, ahead=ahead: base64.b64encode(  # type: ignore[misc]  # bound now
            bytes(ahead) + text.encode()
        )
        for ahead in range(4)
    },
    "Base64 for addresses": lambda text: base64.urlsafe_b64encode(text.encode()),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "text", [seeds.NAME, seeds.EMAIL, seeds.PHONE, seeds.NOTE, seeds.PASSWORD, seeds.KEY]
)
def test_a_seed_is_found(text: str, way: str) -> None:
    content = b"\x00something " + WAYS[way](text) + b" else\xff"
    if way.startswith("Base64"):
        content = WAYS[way](text)
    assert list(search("here", content, Needles()))


@pytest.mark.parametrize("text", ["555-0142", "+1 212 555 0142", "(212) 555-0142", "2125550142"])
def test_a_number_is_found_as_people_write_it(text: str) -> None:
    assert list(search("here", f"call {text} now".encode(), Needles()))


@pytest.mark.parametrize("way", ["as it is", "hexadecimal"])
def test_a_token_is_found(way: str) -> None:
    assert list(search("here", WAYS[way](TOKEN), Needles(tokens=[TOKEN])))


def test_what_is_not_there_is_not_found() -> None:
    assert list(search("here", bytes(range(256)) * 100, Needles(tokens=[TOKEN]))) == []
