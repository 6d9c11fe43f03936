"""What all pages of the console share: they are for staff, and have the same head."""

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any, Concatenate, ParamSpec
from urllib.parse import urlencode

from flask import redirect, request
from werkzeug.wrappers import Response as BaseResponse

from common.errors import DomainError
from common.rpc import access, identity
from common.rpc.access import Reach
from gateway.identity import csrf, sessions
from gateway.pages.console.practice import Practice
from gateway.pages.shared import forms
from gateway.web import rate_limits

Params = ParamSpec("Params")


def for_staff(view: Callable[Params, BaseResponse]) -> Callable[Params, BaseResponse]:
    """Wrap a view for staff: it needs a session, and its calls are made as that account."""

    @wraps(view)
    def wrapped(*args: Params.args, **kwargs: Params.kwargs) -> BaseResponse:
        here = sessions.current()
        if here is None:
            wanted = {"next": request.full_path.rstrip("?")} if request.method == "GET" else {}
            return redirect(f"/signin?{urlencode(wanted)}".rstrip("?"), HTTPStatus.SEE_OTHER)
        with identity.acting_as(here.identity):
            return view(*args, **kwargs)

    return wrapped


def for_form(
    again: Callable[Concatenate[str, Params], str],
) -> Callable[[Callable[Params, BaseResponse]], Callable[Params, BaseResponse]]:
    """Return a decorator for the view of a form that staff send.

    The form must be one of ours, and counts as a write. If it could not be processed, `again`
    returns the page with the form as it was sent; its first argument says why.
    """

    def decorate(view: Callable[Params, BaseResponse]) -> Callable[Params, BaseResponse]:
        @for_staff
        @wraps(view)
        def wrapped(*args: Params.args, **kwargs: Params.kwargs) -> BaseResponse:
            try:
                csrf.require()
                rate_limits.count("writes")
                return view(*args, **kwargs)
            except forms.NOT_PROCESSED as failure:
                try:
                    page = again(forms.why_not_processed(failure), *args, **kwargs)
                except DomainError:  # the form cannot be shown: its failure is told without it
                    raise failure from None
                return forms.shown_again(page, failure)

        return wrapped

    return decorate


def frame(practice: Practice, at: str) -> dict[str, Any]:
    """Return what the head of a page shows; `at` is the page's place in the navigation."""
    here = sessions.required()
    return {
        "private": True,
        "signed_in": here.name or here.email,
        "practice": practice.practice,
        "at": at,
        "csrf_token": csrf.token(),
        "may_change_practice": (
            access.reach(identity.caller(), "practices:change") is Reach.PRACTICE
        ),
    }
