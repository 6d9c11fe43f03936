"""The texts that people type, and the forms in which they could leak."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field

WORD = "zwyqfax"
"""In everything that is typed, so that one search finds it all; it is in no language, and long
enough for each of its encodings to be recognised."""

NAME = "Ottilie Zwyqfax-Vándermeer"
EMAIL = "ottilie@zwyqfax.example"
PHONE = "+12125550142"
NOTE = "Zwyqfax: panic attacks, since the spring"
CANCELLING = "Zwyqfax: a sudden bereavement"
DECLINING = "Zwyqfax: beyond our competence"
PASSWORD = "zwyqfax battery staple"
KEY = "zwyqfax-key"
VISITOR = "zwyqfax_visitor_0001"
BROWSER = "Zwyqfax/1.0 (of one machine alone)"


@dataclass
class Needles:
    """The texts to search for."""

    words: list[str] = field(default_factory=lambda: [WORD])
    phones: list[str] = field(default_factory=lambda: [PHONE])
    tokens: list[str] = field(default_factory=list)
    """What opens something: of links, sessions, identities; compared as it is written."""

    def folded(self) -> Iterator[tuple[str, bytes]]:
        """Yield the forms to compare without regard to case."""
        for word in self.words:
            yield word, word.encode()
            yield word, word.encode("utf-16-le")
            yield from _hex(word)
        for phone in self.phones:
            digits = phone.lstrip("+")
            country, area, line, rest = digits[:-10], digits[-10:-7], digits[-7:-4], digits[-4:]
            yield phone, digits[-10:].encode()
            yield phone, digits[-10:].encode("utf-16-le")
            yield from _hex(digits[-10:])
            for between in ("-", " ", ".", "%20", "\xa0"):
                yield phone, f"{line}{between}{rest}".encode()
            yield phone, f"{country} ({area})".encode()
        for token in self.tokens:
            yield token, token.encode().lower()
            yield from _hex(token)

    def exact(self) -> Iterator[tuple[str, bytes]]:
        """Yield the forms to compare exactly: Base64 at each of its three offsets."""
        texts = [form for word in self.words for form in (word, word.upper(), word.title())]
        texts += [phone.lstrip("+")[-10:] for phone in self.phones]
        for text in texts:
            for ahead in range(3):
                yield text, _base64(text.encode(), ahead)


@dataclass(frozen=True)
class Found:
    """A needle in a place where it does not belong."""

    place: str
    needle: str
    around: str


def search(place: str, content: bytes, needles: Needles) -> Iterator[Found]:
    """Yield the needles found in the content of a place, each once."""
    for comparable, forms in ((content.lower(), needles.folded()), (content, needles.exact())):
        for needle, form in forms:
            at = comparable.find(form)
            if at >= 0:
                around = content[max(0, at - 120) : at + len(form) + 60]
                yield Found(place, needle, around.decode(errors="replace"))


def _hex(text: str) -> Iterator[tuple[str, bytes]]:
    yield text, text.encode().hex().encode()
    if text != text.title():
        yield text, text.title().encode().hex().encode()


def _base64(text: bytes, ahead: int) -> bytes:
    """Return the part of a text's Base64 that does not depend on the `ahead` bytes (modulo 3)
    before it."""
    encoded = base64.b64encode(bytes(ahead) + text)
    first = -(-ahead * 8 // 6)  # digits that what is ahead has a part in
    whole = (ahead + len(text)) * 8 // 6
    return encoded[first:whole]
