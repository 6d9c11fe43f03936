"""The addresses that people are given: in answers, on pages, in e-mails."""

from gateway.settings import settings


def public_url(path: str) -> str:
    """A path of this site as people reach it."""
    return settings().public_url.rstrip("/") + path


def manage(token: str) -> str:
    """Where a client sees to one booking without signing in."""
    return public_url(f"/manage/{token}")


def join(token: str) -> str:
    """The way into a video room."""
    return public_url(f"/join/{token}")


def feed(token: str) -> str:
    """A provider's private calendar feed."""
    return public_url(f"/calendar/{token}.ics")
