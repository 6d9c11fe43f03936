"""Staff sign in and out."""

from collections.abc import Mapping
from http import HTTPStatus

from flask import Blueprint, Response, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from common.errors import DomainError, TooMany, Unauthenticated
from gateway import limits, problems, sessions
from gateway.pages import labels

_HOME = "/console"


def register(pages: Blueprint) -> None:
    pages.add_url_rule("/signin", "show_signin", show)
    pages.add_url_rule("/signin", "signin", sign_in, methods=["POST"])
    pages.add_url_rule("/signout", "signout", sign_out, methods=["POST"])


def show() -> BaseResponse:
    """The form; who is signed in goes on."""
    if sessions.current():
        return redirect(_next(request.args.get("next", "")))
    return Response(_form(request.args, {}))


def sign_in() -> BaseResponse:
    """Sign in, and go on to the page that was asked for."""
    email = request.form.get("email", "")
    try:
        sessions.require_csrf()
        limits.count("sign_ins")
        token = sessions.sign_in(email, request.form.get("password", ""))
    except (DomainError, problems.WithMembers) as error:
        failure = error.failure if isinstance(error, problems.WithMembers) else error
        if not isinstance(failure, Unauthenticated | TooMany | sessions.CrossSite):
            raise
        page = _form(request.form, {"": labels.failure(failure)})
        headers = error.headers if isinstance(error, problems.WithMembers) else {}
        return Response(page, problems.status_of(failure), dict(headers))
    onward = redirect(_next(request.form.get("next", "")), HTTPStatus.SEE_OTHER)
    return sessions.remember(onward, token, email)


def sign_out() -> BaseResponse:
    """Sign out, and go to the start page."""
    sessions.require_csrf()
    return sessions.sign_out(redirect("/signin", HTTPStatus.SEE_OTHER))


def _form(values: Mapping[str, str], errors: Mapping[str, str]) -> str:
    return render_template(
        "signin.html",
        private=True,
        values=values,
        errors=errors,
        next=values.get("next", ""),
        csrf_token=sessions.csrf_token(),
    )


def _next(path: str) -> str:
    """Only a page of the console: an address from elsewhere could lead anywhere."""
    inside = path == _HOME or path.startswith((f"{_HOME}/", f"{_HOME}?"))
    return path if inside and "\\" not in path and path.isprintable() else _HOME
