"""Forms that change something.

Each form carries a request id, made when the page is shown. A form that is sent twice, by a double
click or a reload, is done once and answered the same way.
"""

import re
import secrets
from collections.abc import Callable, Mapping
from http import HTTPStatus

from flask import Response, request

from common.errors import DeadlineExceeded, Invalid, Unavailable
from gateway.pages.shared import labels
from gateway.web import problems
from gateway.web.protection import CrossSite

FIELD = "key"


def new_request_id() -> str:
    """Return the request id for a new form."""
    return secrets.token_urlsafe(24)


def sent_request_id() -> str:
    """Return the request id that the form carries; a new one if it carries none of a fit length."""
    sent = request.form.get(FIELD, "")
    return sent if 20 <= len(sent) <= 100 else new_request_id()


def sent_version() -> int:
    """Return the version of the resource that the form shows; 0 if it carries none."""
    sent = request.form.get("version", "")
    return int(sent) if re.fullmatch("[0-9]{1,15}", sent) else 0


NOT_PROCESSED = (CrossSite, problems.WithMembers, Unavailable, DeadlineExceeded)
"""Failures after which the same form may be sent again: its page opened too long ago, too many
requests, or a service away. The page shows the form again, with all that was entered."""


def why_not_processed(failure: Exception) -> str:
    """Return the text for one of NOT_PROCESSED."""
    if isinstance(failure, problems.WithMembers):
        return labels.wait(int(failure.headers["Retry-After"]))
    return labels.failure(problems.failure_of(failure))


def shown_again(page: str, failure: Exception) -> Response:
    """Return the response that shows a form again after one of NOT_PROCESSED."""
    headers: Mapping[str, str] = {}
    if isinstance(failure, problems.WithMembers):
        headers, failure = failure.headers, failure.failure
    status = problems.status_of(problems.failure_of(failure))
    response = Response(page, status)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = problems.RETRY_AFTER
    response.headers.update(headers)
    return response


def errors_of(
    values: Mapping[str, str], checks: Mapping[str, Callable[[str], object]]
) -> dict[str, str]:
    """Return what is wrong with each field of a form, all at once.

    A check takes what was entered and raises Invalid.
    """
    errors = {}
    for name, check in checks.items():
        try:
            check(values.get(name, ""))
        except Invalid as failure:
            errors[name] = labels.failure(failure)
    return errors


def required(name: str, check: Callable[[str], object]) -> Callable[[str], object]:
    """Return the check of a field that must not be left empty."""

    def checked(entered: str) -> object:
        if not entered.strip():
            raise Invalid(reason=f"{name.upper()}_REQUIRED")
        return check(entered)

    return checked
