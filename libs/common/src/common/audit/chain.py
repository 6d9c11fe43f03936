"""The hash chain that authenticates audit entries, by MACs under a key outside the database."""

import hashlib
import hmac
import struct
from dataclasses import dataclass
from typing import Self

from common.db import encryption

GENESIS = bytes(32)
_LINK = struct.Struct(">qq")


@dataclass(frozen=True)
class Head:
    """A position in a chain, with the hash over all entries up to that position.

    Written `12:<64 hex digits>`.
    """

    position: int
    hash: bytes

    def __str__(self) -> str:
        return f"{self.position}:{self.hash.hex()}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the head that a text stands for. Raises ValueError."""
        position, _, digest = text.partition(":")
        return cls(int(position), bytes.fromhex(digest))


BEGINNING = Head(0, GENESIS)
"""The head of a chain without entries; `common.audit.genesis` seals it."""


class Chain:
    """The chain of one service.

    Its key is derived from the blind index key: encryption keys are replaced from time to time, but
    a chain is never rewritten.
    """

    def __init__(self, service: str, ring: encryption.KeyRing | None = None) -> None:
        self._key = (ring or encryption.ring()).index(service, "audit.chain")

    def mac(self, canonical: bytes) -> bytes:
        """Return the MAC of an entry's content."""
        return self._digest(b"entry", canonical)

    def link(self, before: Head, sequence: int, mac: bytes) -> Head:
        """Return the head after an entry is appended to the head `before`."""
        link = _LINK.pack(before.position + 1, sequence)
        return Head(before.position + 1, self._digest(b"link", before.hash + link + mac))

    def seal(self, head: Head) -> bytes:
        """Return the MAC of the chain's end."""
        return self._digest(b"head", str(head).encode())

    def _digest(self, purpose: bytes, content: bytes) -> bytes:
        return hmac.digest(self._key, purpose + b"\0" + content, hashlib.sha256)
