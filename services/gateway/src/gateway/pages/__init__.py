"""The pages for people: HTML that works without JavaScript and gets quicker with it (spec GW-6)."""

from flask import Blueprint, Flask, Response, render_template, request

from gateway.pages import (
    book,
    compression,
    console,
    errors,
    join,
    mailbox,
    manage,
    signin,
    templating,
)
from gateway.settings import settings

_YEAR = 365 * 24 * 60 * 60  # seconds


def register(app: Flask) -> None:
    """Add the pages to the app. It must have its settings, clock, backends and limiter in
    `extensions` by the time of a request."""
    pages = Blueprint("pages", __name__)
    templating.register(pages)
    pages.add_url_rule("/", "landing", landing)
    for part in (book, manage, join, signin, console, mailbox):
        part.register(pages)
    pages.register_error_handler(Exception, errors.from_exception)
    pages.after_request(_by_language)
    app.after_request(_keep_files)
    app.after_request(compression.compress)
    app.register_blueprint(pages)
    errors.register(app)


def landing() -> str:
    """What Attune is."""
    return render_template("landing.html", development=settings().development)


def _by_language(response: Response) -> Response:
    response.vary.add("Accept-Language")
    return response


def _keep_files(response: Response) -> Response:
    """Files are kept for ever: their address changes with their content."""
    if request.endpoint == "static" and "v" in request.args and response.status_code < 400:
        response.headers["Cache-Control"] = f"public, max-age={_YEAR}, immutable"
    return response
