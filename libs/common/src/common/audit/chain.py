"""What vouches for entries: macs under a key that is not in the database."""

import hashlib
import hmac
import struct
from dataclasses import dataclass
from typing import Self

from common.db import encryption

GENESIS = bytes(32)
_PLACE = struct.Struct(">qq")


@dataclass(frozen=True)
class Head:
    """A place in a chain, and the hash there, which stands for all entries up to it. Written
    `12:<64 hex digits>`."""

    position: int
    hash: bytes

    def __str__(self) -> str:
        return f"{self.position}:{self.hash.hex()}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError."""
        position, _, digest = text.partition(":")
        return cls(int(position), bytes.fromhex(digest))


BEGINNING = Head(0, GENESIS)


class Chain:
    """The chain of one service. Its key is made of the key of the blind indexes, since that of
    encryption is replaced from time to time, but a chain never."""

    def __init__(self, service: str) -> None:
        self._key = encryption.ring().index(service, "audit.chain")

    def mac(self, canonical: bytes) -> bytes:
        """Vouches for what an entry says."""
        return self._made(b"entry", canonical)

    def link(self, before: Head, sequence: int, mac: bytes) -> Head:
        """The head once an entry has been put behind the head before."""
        place = _PLACE.pack(before.position + 1, sequence)
        return Head(before.position + 1, self._made(b"link", before.hash + place + mac))

    def seal(self, head: Head) -> bytes:
        """Vouches for where the chain ends."""
        return self._made(b"head", str(head).encode())

    def _made(self, what: bytes, content: bytes) -> bytes:
        return hmac.digest(self._key, what + b"\0" + content, hashlib.sha256)
