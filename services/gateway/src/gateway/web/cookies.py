"""The cookies of this site (spec GW-12).

Scripts cannot read them and forms of other sites do not send them. Over TLS their names carry the
`__Host-` prefix, so that only this host can set them.
"""

from datetime import timedelta
from typing import TypeVar

from flask import request
from werkzeug.wrappers import Response

from gateway.settings import settings

AnyResponse = TypeVar("AnyResponse", bound=Response)


def read(name: str) -> str:
    """Return the value that the browser sent, or an empty string."""
    return request.cookies.get(_full_name(name), "")


def set_on(response: AnyResponse, name: str, value: str, lifetime: timedelta) -> AnyResponse:
    """Set a cookie that the browser keeps for `lifetime`."""
    response.set_cookie(
        _full_name(name), value, max_age=lifetime, secure=_secure(), httponly=True, samesite="Lax"
    )
    return response


def delete_from(response: AnyResponse, name: str) -> AnyResponse:
    """Have the browser delete a cookie."""
    response.delete_cookie(_full_name(name), secure=_secure(), httponly=True, samesite="Lax")
    return response


def _full_name(name: str) -> str:
    return f"__Host-{name}" if _secure() else name


def _secure() -> bool:
    return settings().secure or request.is_secure
