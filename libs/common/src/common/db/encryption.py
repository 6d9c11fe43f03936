"""Encrypted columns and blind indexes: AES-256-GCM under a key ring (spec PF-7).

A stored value is `key name (1 byte of length, then text) · nonce (12 bytes) · ciphertext and tag`.
Its associated data is its location (table, column, and row), so that a value that was copied to
another location does not decrypt.
"""

import base64
import binascii
import hashlib
import hmac
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from common.config import Misconfigured
from common.errors import Unreadable

_SIZE = 32
_NONCE = 12
_TAG = 16
# A name is shorter than the code of any printable character, so that a text which was never
# encrypted cannot look like a value that begins with the length and name of a key.
_NAME = re.compile(rb"[A-Za-z0-9._-]{1,31}")


class UndecipherableError(Unreadable):
    """This is stored but can't be read: it was altered or moved."""

    def __init__(self, location: str, why: str) -> None:
        super().__init__(reason="UNDECIPHERABLE")
        self._where = f"{location}: {why}"

    def __str__(self) -> str:
        """Return the table, column, row, and key for operators; never a value."""
        return self._where


class KeyMissing(UndecipherableError):
    """This is stored but can't be read now, because its encryption key is missing."""

    def __init__(self, location: str, key: str) -> None:
        super().__init__(location, f"key {key!r} is not here")
        self.reason = "KEY_MISSING"


class KeyRing:
    """The encryption keys and the blind index key of one service.

    `keys` is written `k2:BASE64,k1:BASE64`, with 32 bytes for each key. The first key encrypts,
    all keys decrypt. Raises Misconfigured, with the variable and the key's name but no key.
    """

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
        """The name of the key that encrypts new values."""
        return self._current.decode()

    @property
    def names(self) -> list[str]:
        """The names of all keys, the current one first."""
        return [name.decode() for name in self._keys]

    def seal(self, clear: bytes, location: str) -> bytes:
        """Return a value encrypted for one location, such as `clients.name:<row id>`."""
        nonce = os.urandom(_NONCE)
        sealed = self._keys[self._current].encrypt(nonce, clear, location.encode())
        return bytes([len(self._current)]) + self._current + nonce + sealed

    def open(self, stored: bytes, location: str) -> bytes:
        """Return the decrypted value of a location.

        Raises KeyMissing if the ring lacks the value's key, and UndecipherableError if the value
        was changed or copied from another location.
        """
        name, rest = _split(stored, location)
        if name not in self._keys:
            raise KeyMissing(location, name.decode())
        try:
            return self._keys[name].decrypt(rest[:_NONCE], rest[_NONCE:], location.encode())
        except InvalidTag:
            why = f"the value does not belong here, or is under another key {name.decode()!r}"
            raise UndecipherableError(location, why) from None

    def is_current(self, stored: bytes) -> bool:
        """Return whether a value is encrypted under the current key."""
        return stored.startswith(prefix(self.current))

    def index(self, text: str, purpose: str) -> bytes:
        """Return the blind index of a text: equal for equal texts, and secret without the key."""
        return hmac.digest(self._index_key, f"{purpose}\0{text}".encode(), hashlib.sha256)


def prefix(name: str) -> bytes:
    """Return the bytes that values under the key `name` begin with."""
    return bytes([len(name)]) + name.encode()


def key_of(stored: bytes) -> str:
    """Return the name of a value's key; empty if the value is not encrypted."""
    name = stored[1 : 1 + stored[0]] if stored else b""
    return name.decode() if _NAME.fullmatch(name) else ""


def _split(stored: bytes, location: str) -> tuple[bytes, bytes]:
    """Return the key's name and the bytes after the name. Raises UndecipherableError."""
    name = key_of(stored).encode()
    rest = stored[1 + len(name) :]
    if not name or len(rest) < _NONCE + _TAG:
        raise UndecipherableError(location, "this is no encrypted value")
    return name, rest


def _key(text: str, where: str) -> bytes:
    """Return the 32 bytes of a key. Raises Misconfigured, which never quotes the text."""
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Misconfigured(f"{where} is not Base64") from None
    if len(key) != _SIZE:
        raise Misconfigured(f"{where} must have {_SIZE} bytes, not {len(key)}")
    return key


_ring: KeyRing | None = None


def use(ring: KeyRing) -> None:
    """Set the key ring of this process, once at start."""
    global _ring  # a process is one service, which has one ring
    _ring = ring


@contextmanager
def using(ring: KeyRing) -> Iterator[None]:
    """Use another key ring during the block: a command may work on several services."""
    global _ring
    before, _ring = _ring, ring
    try:
        yield
    finally:
        _ring = before


def ring() -> KeyRing:
    """Return the key ring of this process."""
    if _ring is None:
        raise RuntimeError("no key ring: call encryption.use() at start")
    return _ring


class encrypted:  # noqa: N801  # reads like the built-in property, which it resembles
    """A text attribute of a mapped class that is stored encrypted in a column `<name>_sealed`.

    The row's primary key must be `id`, as `common.db.reencryption` expects, and must be set before
    the text.

        name_sealed: Mapped[bytes | None]
        name = encrypted()
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, row: Any, owner: type) -> str:
        stored = getattr(row, f"{self._name}_sealed")
        if not stored:
            return ""
        return ring().open(stored, location(row.__tablename__, self._name, row.id)).decode()

    def __set__(self, row: Any, text: str) -> None:
        where = location(row.__tablename__, self._name, row.id)
        setattr(row, f"{self._name}_sealed", ring().seal(text.encode(), where) if text else None)


def location(table: str, column: str, row_id: object) -> str:
    """Return the location of a value, for `KeyRing.seal` and `KeyRing.open`."""
    return f"{table}.{column}:{row_id}"


def new_key() -> str:
    """Return a new 256-bit key in Base64, the form of ENCRYPTION_KEYS and BLIND_INDEX_KEY."""
    return base64.b64encode(os.urandom(32)).decode()
