"""Passwords, hashed with Argon2id. A wrong password and a missing account cost the same work."""

import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from common.errors import Invalid

SHORTEST, LONGEST = 8, 200
# OWASP's choice of memory (19 MiB) and passes; at most four run at once in a process.
_hasher = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
_turns = threading.BoundedSemaphore(4)
_UNUSED = _hasher.hash("nobody has this password")


class WeakPassword(Invalid):
    """Must have 8 to 200 characters."""


def hashed(password: str) -> str:
    """Return the hash that is stored. Raises WeakPassword."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise WeakPassword(field="password")
    with _turns:
        return _hasher.hash(password)


def matches(stored: str | None, password: str) -> bool:
    """Return whether a password has the stored hash; without a hash, False after equal work."""
    with _turns:
        try:
            _hasher.verify(stored or _UNUSED, password)
        except (VerificationError, InvalidHashError):
            return False
    return stored is not None


def is_outdated(stored: str) -> bool:
    """Return whether a hash was made with parameters other than today's."""
    return _hasher.check_needs_rehash(stored)
