"""The absolute links that people get: in answers, on pages, and in email."""

from gateway.settings import settings


def public_url(path: str) -> str:
    """Return the public URL of a path of this site."""
    return settings().public_url.rstrip("/") + path


def manage(token: str) -> str:
    """Return the link with which a client manages one booking without signing in."""
    return public_url(f"/manage/{token}")


def join(token: str) -> str:
    """Return the link into a video room."""
    return public_url(f"/join/{token}")


def feed(token: str) -> str:
    """Return the link of a provider's private calendar feed."""
    return public_url(f"/calendar/{token}.ics")
