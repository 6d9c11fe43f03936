"""Encrypted columns: AES-256-GCM under a key ring, bound to their row; blind indexes (spec PF-7).

A stored value is `key id (1 byte length, then text) · nonce (12) · ciphertext and tag`. Its
associated data names table, column and row, so that a value copied elsewhere does not decrypt.
"""

import base64
import hashlib
import hmac
import os
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE = 12


class UndecipherableError(Exception):
    """A stored value cannot be read: its key is not in the ring, or it was tampered with."""


class KeyRing:
    """The keys of one service. The first encrypts, all decrypt."""

    def __init__(self, keys: str, blind_index_key: str) -> None:
        self._keys: dict[bytes, AESGCM] = {}
        for entry in keys.split(","):
            name, _, key = entry.strip().partition(":")
            self._keys[name.encode()] = AESGCM(base64.b64decode(key))
        self._current = next(iter(self._keys))
        self._index_key = base64.b64decode(blind_index_key)

    def seal(self, clear: bytes, place: str) -> bytes:
        """Encrypt a value for one place, such as `clients.name:<row id>`."""
        nonce = os.urandom(_NONCE)
        sealed = self._keys[self._current].encrypt(nonce, clear, place.encode())
        return bytes([len(self._current)]) + self._current + nonce + sealed

    def open(self, stored: bytes, place: str) -> bytes:
        """The value, or UndecipherableError."""
        name, rest = _split(stored)
        if name not in self._keys:
            raise UndecipherableError(f"{place}: key {name.decode(errors='replace')!r} is not here")
        try:
            return self._keys[name].decrypt(rest[:_NONCE], rest[_NONCE:], place.encode())
        except InvalidTag:
            raise UndecipherableError(f"{place}: the value does not belong here") from None

    def is_current(self, stored: bytes) -> bool:
        """Whether the value is under the key that encrypts now."""
        return _split(stored)[0] == self._current

    def index(self, text: str, purpose: str) -> bytes:
        """A blind index: equal texts, equal bytes, and nothing to be read from them."""
        return hmac.digest(self._index_key, f"{purpose}\0{text}".encode(), hashlib.sha256)


def _split(stored: bytes) -> tuple[bytes, bytes]:
    size = stored[0]
    return stored[1 : 1 + size], stored[1 + size :]


_ring: KeyRing | None = None


def use(ring: KeyRing) -> None:
    """The process's key ring, set once at start."""
    global _ring  # one process is one service, with one ring
    _ring = ring


def ring() -> KeyRing:
    """The process's key ring."""
    if _ring is None:
        raise RuntimeError("no key ring: call crypto.use() at start")
    return _ring


class encrypted:  # noqa: N801  # reads like the built-in property, which it resembles
    """A text attribute of a mapped class, stored encrypted in the `LargeBinary` column of the
    same name with `_sealed` behind it. The row must have its `id` before the text is set.

        name_sealed: Mapped[bytes | None]
        name = encrypted()
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, row: Any, owner: type) -> str:
        stored = getattr(row, f"{self._name}_sealed")
        if not stored:
            return ""
        return ring().open(stored, place(row.__tablename__, self._name, row.id)).decode()

    def __set__(self, row: Any, text: str) -> None:
        where = place(row.__tablename__, self._name, row.id)
        setattr(row, f"{self._name}_sealed", ring().seal(text.encode(), where) if text else None)


def place(table: str, column: str, row_id: object) -> str:
    """What a stored value is bound to."""
    return f"{table}.{column}:{row_id}"


def new_key() -> str:
    """A fresh 256-bit key, as it stands in the environment."""
    return base64.b64encode(os.urandom(32)).decode()
