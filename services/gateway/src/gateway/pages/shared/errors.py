"""Failures as friendly pages; `gateway.web.problems` decides what failed."""

from http import HTTPStatus

from flask import Flask, Response, redirect, render_template, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from attune.availability.v1.availability_pb2 import Practice
from gateway.pages.shared.language import text
from gateway.web import problems

_NOT_PAGES = ("/api/", "/healthz", "/readyz", "/calendar/", "/static/")


def register(app: Flask) -> None:
    """Answer unknown addresses with a page; the API keeps its problem documents."""

    def answer(error: HTTPException) -> BaseResponse:
        if request.path.startswith(_NOT_PAGES):
            return problems.from_exception(error)
        return page(HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR))

    for status in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED):
        app.register_error_handler(status, answer)


def from_exception(error: Exception) -> BaseResponse:
    """Return the page for an exception of a view."""
    headers: dict[str, str] = {}
    if isinstance(error, problems.WithMembers):
        headers, error = dict(error.headers), error.failure
    if isinstance(error, HTTPException):
        if error.code is None or error.code < HTTPStatus.BAD_REQUEST:
            return error.get_response()
        return page(HTTPStatus(error.code))
    failure = problems.failure_of(error)
    status = problems.status_of(failure)
    if status == HTTPStatus.UNAUTHORIZED:
        return redirect("/signin", HTTPStatus.SEE_OTHER)
    response = page(status)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = problems.RETRY_AFTER
    response.headers.update(headers)
    return response


def page(
    status: HTTPStatus,
    words: tuple[str, str] | None = None,
    practice: Practice | None = None,
) -> Response:
    """Return the page for a status, with a title and words of its own on demand.

    Where the practice is known, the page shows how to reach it.
    """
    title, sentence = words or _words(status)
    failed = status >= HTTPStatus.INTERNAL_SERVER_ERROR
    again = failed or status == HTTPStatus.TOO_MANY_REQUESTS
    return Response(
        render_template(
            "shared/error.html",
            private=True,
            title=title,
            words=sentence,
            practice=practice,
            again=request.path if again and request.method == "GET" else "",
            trace_id=problems.trace_id() if failed else "",
        ),
        status,
    )


def _words(status: HTTPStatus) -> tuple[str, str]:
    if status == HTTPStatus.NOT_FOUND:
        return text("Page not found"), text(
            "The link may be incomplete or no longer valid. If it came in an email, check that you"
            " copied all of it, or open the latest email about your appointment."
        )
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return text("Too many requests"), text("Wait a minute, then try again.")
    if status == HTTPStatus.FORBIDDEN:
        return text("You can't do this here"), text(
            "The page may have been open for too long, or your account doesn't have access. Go"
            " back, reload the page, and try again."
        )
    if status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT):
        return text("Back in a moment"), text(
            "Part of Attune can't be reached right now. Try again shortly. Nothing you saved is"
            " lost."
        )
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return text("Something went wrong on our end"), text(
            "We've recorded the problem. Try again shortly."
        )
    return text("That didn't work"), text("Go back and try again.")
