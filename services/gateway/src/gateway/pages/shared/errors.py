"""Failures as friendly pages; `gateway.web.problems` decides what failed."""

from http import HTTPStatus

from flask import Flask, Response, redirect, render_template, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

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


def page(status: HTTPStatus) -> Response:
    """Return the page for a status."""
    title, words = _words(status)
    failed = status >= HTTPStatus.INTERNAL_SERVER_ERROR
    again = failed or status == HTTPStatus.TOO_MANY_REQUESTS
    return Response(
        render_template(
            "shared/error.html",
            private=True,
            title=title,
            words=words,
            again=request.path if again and request.method == "GET" else "",
            trace_id=problems.trace_id() if failed else "",
        ),
        status,
    )


def _words(status: HTTPStatus) -> tuple[str, str]:
    if status == HTTPStatus.NOT_FOUND:
        return text("This page is not here"), text(
            "The link may be incomplete, or no longer valid. Please check that you have all of"
            " it, or ask your practice for a new one."
        )
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return text("A little too fast"), text(
            "There were many requests from here in a short time. Please wait a minute, then try"
            " again."
        )
    if status == HTTPStatus.FORBIDDEN:
        return text("This is not possible from here"), text(
            "The page may have been open for too long, or it belongs to somebody else. Please go"
            " back, load it again, and try once more."
        )
    if status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT):
        return text("Back in a moment"), text(
            "Something that this page needs cannot be reached just now. Please try again shortly;"
            " nothing of yours is lost."
        )
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return text("Something went wrong here"), text(
            "It is our fault, not yours, and we have been told. Please try again shortly."
        )
    return text("That did not work"), text("Please go back and try it another way.")
