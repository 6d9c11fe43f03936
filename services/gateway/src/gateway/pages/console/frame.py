"""What all pages of the console share: they are for staff, and have the same head."""

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any, ParamSpec
from urllib.parse import urlencode

from flask import redirect, request
from werkzeug.wrappers import Response as BaseResponse

from common.rpc import access, identity
from common.rpc.access import Reach
from gateway.identity import csrf, sessions
from gateway.pages.console.practice import Practice
from gateway.web import rate_limits

Params = ParamSpec("Params")


def for_staff(view: Callable[Params, BaseResponse]) -> Callable[Params, BaseResponse]:
    """Wrap a view for staff: it needs a session, and its calls are made as that account.

    A POST must come from one of our own forms.
    """

    @wraps(view)
    def wrapped(*args: Params.args, **kwargs: Params.kwargs) -> BaseResponse:
        here = sessions.current()
        if here is None:
            wanted = {"next": request.full_path.rstrip("?")} if request.method == "GET" else {}
            return redirect(f"/signin?{urlencode(wanted)}".rstrip("?"), HTTPStatus.SEE_OTHER)
        if request.method == "POST":
            csrf.require()
        with identity.acting_as(here.identity):
            if request.method == "POST":
                rate_limits.count("writes")
            return view(*args, **kwargs)

    return wrapped


def frame(practice: Practice, at: str) -> dict[str, Any]:
    """Return what the head of a page shows; `at` is the page's place in the navigation."""
    return {
        "private": True,
        "practice": practice.practice,
        "at": at,
        "csrf_token": csrf.token(),
        "may_change_practice": (
            access.reach(identity.caller(), "practices:change") is Reach.PRACTICE
        ),
    }
