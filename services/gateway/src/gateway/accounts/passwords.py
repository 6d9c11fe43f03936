"""Passwords: Argon2id, and no difference to be seen between a wrong one and no account."""

import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from common.errors import Invalid

SHORTEST, LONGEST = 8, 200
# OWASP's choice of memory (19 MiB) and passes, and a bound on how many run at once in a process.
_hasher = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
_turns = threading.BoundedSemaphore(4)
_NOBODYS = _hasher.hash("nobody has this password")


class WeakPassword(Invalid):
    """A password has 8 to 200 characters."""


def hashed(password: str) -> str:
    """What is stored of a password."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise WeakPassword(field="password")
    with _turns:
        return _hasher.hash(password)


def matches(stored: str | None, password: str) -> bool:
    """Whether the password is the one of the stored hash. Without one, False after as much work."""
    with _turns:
        try:
            _hasher.verify(stored or _NOBODYS, password)
        except (VerificationError, InvalidHashError):
            return False
    return stored is not None


def is_outdated(stored: str) -> bool:
    """Whether a hash was made with other parameters than today's."""
    return _hasher.check_needs_rehash(stored)
