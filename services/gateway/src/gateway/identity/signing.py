"""Message authentication codes under SESSION_KEY."""

import base64
import hashlib
import hmac

from gateway.settings import settings

SIZE = hashlib.sha256().digest_size


def digest(purpose: str, text: str) -> bytes:
    """Return the code of `text` for one purpose; codes for other purposes differ."""
    key = settings().session_key.encode()
    return hmac.digest(key, f"{purpose}\0{text}".encode(), hashlib.sha256)


def code(purpose: str, text: str) -> str:
    """Return the digest as text for a cookie."""
    return base64.urlsafe_b64encode(digest(purpose, text)).decode().rstrip("=")


def equal(sent: str, expected: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(sent.encode(), expected.encode())
