"""The pages for people: HTML that works without JavaScript and is quicker with it (spec GW-6)."""

from http import HTTPStatus

from flask import Blueprint, Flask, Response, render_template, request

from common.errors import DomainError
from gateway.identity import sessions
from gateway.pages import mailbox, sign_in
from gateway.pages.booking import views as booking
from gateway.pages.console import details as practice_details
from gateway.pages.console import lists as console_lists
from gateway.pages.console import views as console
from gateway.pages.manage import views as manage
from gateway.pages.room import views as room
from gateway.pages.shared import compression, errors, templating
from gateway.settings import settings

_YEAR = 365 * 24 * 60 * 60  # seconds


def register(app: Flask) -> None:
    """Add the pages to the app.

    Its settings, clock, stubs, and limiter must be in `extensions` before the first request.
    """
    pages = Blueprint("pages", __name__)
    templating.register(pages)
    pages.add_url_rule("/", "landing", landing)
    for part in (booking, manage, room, sign_in, console_lists, console, practice_details, mailbox):
        part.register(pages)
    pages.register_error_handler(Exception, errors.from_exception)
    pages.after_request(_vary_by_language)
    pages.after_request(_announce_sheet)
    app.after_request(_cache_files)
    app.after_request(compression.compress)
    app.register_blueprint(pages)
    errors.register(app)


def landing() -> str:
    """Show what Attune is."""
    return render_template(
        "landing.html", development=settings().development, is_signed_in=_is_signed_in()
    )


def _is_signed_in() -> bool:
    try:
        return sessions.current() is not None
    except DomainError:  # the page is there for everybody, come what may
        return False


def _vary_by_language(response: Response) -> Response:
    response.vary.add("Accept-Language")
    return response


def _announce_sheet(response: Response) -> Response:
    """Have the browser fetch the sheet while it has yet to read the page (RFC 8288)."""
    if response.mimetype == "text/html":
        response.headers.add("Link", f"<{templating.asset('attune.css')}>; rel=preload; as=style")
    return response


def _cache_files(response: Response) -> Response:
    """Let browsers keep a static file forever at the address that carries its digest.

    During an upgrade, a page of the new version may ask an old replica, whose file has another
    digest; that answer must not be kept.
    """
    if request.endpoint != "static" or response.status_code >= HTTPStatus.BAD_REQUEST:
        return response
    name = (request.view_args or {})["filename"]
    if request.args.get("v") == templating.digest(name):
        response.headers["Cache-Control"] = f"public, max-age={_YEAR}, immutable"
    return response
