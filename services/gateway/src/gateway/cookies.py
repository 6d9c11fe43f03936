"""The cookies of this site: scripts cannot read them, other sites' forms do not send them, and over
TLS they stand under names that only this very host may set (spec GW-12)."""

from datetime import timedelta
from typing import TypeVar

from flask import request
from werkzeug.wrappers import Response

from gateway.settings import settings

AnyResponse = TypeVar("AnyResponse", bound=Response)


def read(name: str) -> str:
    """What the browser sent; empty if nothing."""
    return request.cookies.get(_named(name), "")


def give(response: AnyResponse, name: str, value: str, lasts: timedelta) -> AnyResponse:
    """Have the browser keep a value for that long."""
    response.set_cookie(
        _named(name), value, max_age=lasts, secure=_secure(), httponly=True, samesite="Lax"
    )
    return response


def take_back(response: AnyResponse, name: str) -> AnyResponse:
    """Have the browser forget it."""
    response.delete_cookie(_named(name), secure=_secure(), httponly=True, samesite="Lax")
    return response


def _named(name: str) -> str:
    return f"__Host-{name}" if _secure() else name


def _secure() -> bool:
    return settings().secure or request.is_secure
