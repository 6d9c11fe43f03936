"""The token that a request carries in `Authorization`."""

from flask import request

_SCHEMES = ("bearer", "manage")


def has_token() -> bool:
    """Return whether the request carries a token itself.

    A browser never does so for a page of another site. Cookies do not count for such a request,
    so that the two kinds of credentials are never mixed.
    """
    return scheme_and_token()[0] in _SCHEMES


def scheme_and_token() -> tuple[str, str]:
    """Return the scheme in lower case and the token; both are empty if there is no header."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return scheme.lower(), token.strip()
