"""Encrypted columns: AES-256-GCM under a key ring, bound to their row; blind indexes (spec PF-7).

A stored value is `key id (1 byte length, then text) · nonce (12) · ciphertext and tag`. Its
associated data names table, column and row, so that a value copied elsewhere does not decrypt.
"""

import base64
import binascii
import hashlib
import hmac
import os
import re
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from common.config import Misconfigured
from common.errors import Unreadable

_SIZE = 32
_NONCE = 12
_TAG = 16
# Shorter than any printable first byte says: text that was never encrypted has no key's name.
_NAME = re.compile(rb"[A-Za-z0-9._-]{1,31}")


class UndecipherableError(Unreadable):
    """This is stored, but cannot be read: it was changed, or put in another place."""

    def __init__(self, place: str, why: str) -> None:
        super().__init__(reason="UNDECIPHERABLE")
        self._where = f"{place}: {why}"

    def __str__(self) -> str:
        """For operators: table, column, row and key, never a value."""
        return self._where


class KeyMissing(UndecipherableError):
    """This is stored, but cannot be read at the moment: its key is not here."""

    def __init__(self, place: str, key: str) -> None:
        super().__init__(place, f"key {key!r} is not here")
        self.reason = "KEY_MISSING"


class KeyRing:
    """The keys of one service, `k2:BASE64,k1:BASE64` of 32 bytes each. The first encrypts, all
    decrypt. Raises Misconfigured, which names the variable and, where there is one, the key."""

    def __init__(self, keys: str, blind_index_key: str) -> None:
        self._keys: dict[bytes, AESGCM] = {}
        for number, entry in enumerate(keys.split(","), start=1):
            name, _, key = entry.strip().partition(":")
            if not _NAME.fullmatch(name.encode()):
                raise Misconfigured(
                    f"ENCRYPTION_KEYS: entry {number} must look like NAME:BASE64, the name of up to"
                    " 31 letters, digits, '.', '_' and '-'"
                )
            if name.encode() in self._keys:
                raise Misconfigured(f"ENCRYPTION_KEYS: there are two keys {name!r}")
            self._keys[name.encode()] = AESGCM(_key(key, f"ENCRYPTION_KEYS: {name}"))
        self._current = next(iter(self._keys))
        self._index_key = _key(blind_index_key, "BLIND_INDEX_KEY")

    @property
    def current(self) -> str:
        """The name of the key that encrypts now."""
        return self._current.decode()

    @property
    def names(self) -> list[str]:
        """The names of all keys, the current one first."""
        return [name.decode() for name in self._keys]

    def seal(self, clear: bytes, place: str) -> bytes:
        """Encrypt a value for one place, such as `clients.name:<row id>`."""
        nonce = os.urandom(_NONCE)
        sealed = self._keys[self._current].encrypt(nonce, clear, place.encode())
        return bytes([len(self._current)]) + self._current + nonce + sealed

    def open(self, stored: bytes, place: str) -> bytes:
        """The value. Raises KeyMissing, or UndecipherableError where it was tampered with."""
        name, rest = _split(stored, place)
        if name not in self._keys:
            raise KeyMissing(place, name.decode())
        try:
            return self._keys[name].decrypt(rest[:_NONCE], rest[_NONCE:], place.encode())
        except InvalidTag:
            why = f"the value does not belong here, or is under another key {name.decode()!r}"
            raise UndecipherableError(place, why) from None

    def is_current(self, stored: bytes) -> bool:
        """Whether the value is under the key that encrypts now."""
        return stored.startswith(prefix(self.current))

    def index(self, text: str, purpose: str) -> bytes:
        """A blind index: equal texts, equal bytes, and nothing to be read from them."""
        return hmac.digest(self._index_key, f"{purpose}\0{text}".encode(), hashlib.sha256)


def prefix(name: str) -> bytes:
    """How values under the key of that name begin."""
    return bytes([len(name)]) + name.encode()


def key_of(stored: bytes) -> str:
    """The name of the key that a value stands under; empty if it is no encrypted value."""
    name = stored[1 : 1 + stored[0]] if stored else b""
    return name.decode() if _NAME.fullmatch(name) else ""


def _split(stored: bytes, place: str) -> tuple[bytes, bytes]:
    """The key's name, and what follows it."""
    name = key_of(stored).encode()
    rest = stored[1 + len(name) :]
    if not name or len(rest) < _NONCE + _TAG:
        raise UndecipherableError(place, "this is no encrypted value")
    return name, rest


def _key(text: str, where: str) -> bytes:
    """The 32 bytes, or Misconfigured, without a word of the text."""
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Misconfigured(f"{where} is not Base64") from None
    if len(key) != _SIZE:
        raise Misconfigured(f"{where} must have {_SIZE} bytes, not {len(key)}")
    return key


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
    """A text attribute of a mapped class, stored encrypted in the column of the same name with
    `_sealed` behind it. The row's primary key is `id`, by which `common.db.reencryption` finds the
    value too; set it before the text.

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
