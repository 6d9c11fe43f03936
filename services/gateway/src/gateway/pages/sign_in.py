"""The pages with which staff sign in and out."""

from collections.abc import Mapping
from http import HTTPStatus

from flask import Blueprint, Response, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from common.errors import DomainError, TooMany, Unauthenticated
from gateway.identity import csrf, sessions
from gateway.identity import sign_in as credentials
from gateway.pages.shared import labels
from gateway.web import problems, rate_limits
from gateway.web.protection import CrossSite

_HOME = "/console"


def register(pages: Blueprint) -> None:
    """Add the routes."""
    pages.add_url_rule("/signin", "show_signin", show)
    pages.add_url_rule("/signin", "signin", sign_in, methods=["POST"])
    pages.add_url_rule("/signout", "signout", sign_out, methods=["POST"])


def show() -> BaseResponse:
    """Show the form; redirect a person who is signed in."""
    if sessions.current():
        return redirect(_next(request.args.get("next", "")))
    return Response(_form(request.args, {}))


def sign_in() -> BaseResponse:
    """Sign in, and redirect to the page that was asked for."""
    email = request.form.get("email", "")
    try:
        csrf.require()
        rate_limits.count("sign_ins")
        token = credentials.sign_in(email, request.form.get("password", ""))
    except (DomainError, problems.WithMembers) as error:
        failure = error.failure if isinstance(error, problems.WithMembers) else error
        if not isinstance(failure, Unauthenticated | TooMany | CrossSite):
            raise
        page = _form(request.form, {"": labels.failure(failure)})
        headers = error.headers if isinstance(error, problems.WithMembers) else {}
        return Response(page, problems.status_of(failure), dict(headers))
    onward = redirect(_next(request.form.get("next", "")), HTTPStatus.SEE_OTHER)
    return credentials.remember(onward, token, email)


def sign_out() -> BaseResponse:
    """Sign out, and redirect to the form."""
    csrf.require()
    return sessions.sign_out(redirect("/signin", HTTPStatus.SEE_OTHER))


def _form(values: Mapping[str, str], errors: Mapping[str, str]) -> str:
    return render_template(
        "sign_in.html",
        private=True,
        values=values,
        errors=errors,
        next=values.get("next", ""),
        csrf_token=csrf.token(),
    )


def _next(path: str) -> str:
    """Return `path` if it is a page of the console, else the console's home.

    Any other address could lead to another site.
    """
    inside = path == _HOME or path.startswith((f"{_HOME}/", f"{_HOME}?"))
    return path if inside and "\\" not in path and path.isprintable() else _HOME
