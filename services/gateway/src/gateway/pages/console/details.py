"""The page of the practice's details: its name, and how clients reach it."""

from collections.abc import Mapping
from http import HTTPStatus

from flask import Blueprint, Response, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from common import phones, validation
from common.errors import DomainError, Invalid, NotAllowed
from common.rpc import access, identity
from common.rpc.access import Reach
from gateway.backends import practices
from gateway.pages.console import practice as of_account
from gateway.pages.console.frame import for_form, for_staff, frame
from gateway.pages.shared import formats, forms, labels
from gateway.pages.shared.language import reader, text
from gateway.web import problems

PATH = "/console/practice"
_FIELDS = ("name", "address", "country", "phone", "email", "website")


def register(pages: Blueprint) -> None:
    """Add the routes."""
    pages.add_url_rule(PATH, "console_practice", show)
    pages.add_url_rule(PATH, "console_change_practice", change, methods=["POST"])


@for_staff
def show() -> BaseResponse:
    """Show the details in a form."""
    _require()
    found = practices.get()
    values = {field: getattr(found, field) for field in _FIELDS}
    values["phone"] = phones.shown(found.phone)
    said = text("Your changes were saved.") if request.args.get("said") else ""
    return _page(values, {}, said=said)


def _again(problem: str) -> str:
    _require()
    return _html(_entered(), {"": problem})


@for_form(_again)
def change() -> BaseResponse:
    """Save the details; after a mistake, all entered values stay."""
    _require()
    entered = _entered()
    if errors := _errors(entered):
        return _page(entered, errors, HTTPStatus.BAD_REQUEST)
    try:
        practices.update(entered, request_id=forms.sent_request_id())
    except Invalid as failure:
        return _page(entered, {failure.field: labels.failure(failure)}, HTTPStatus.BAD_REQUEST)
    except DomainError as failure:
        if failure.reason != "REQUEST_ID_REUSED":
            raise
        return _page(entered, {"": labels.failure(failure)}, problems.status_of(failure))
    return redirect(f"{PATH}?said=saved", HTTPStatus.SEE_OTHER)


def _entered() -> dict[str, str]:
    return {field: request.form.get(field, "") for field in _FIELDS}


def _require() -> None:
    if access.reach(identity.caller(), "practices:change") is not Reach.PRACTICE:
        raise NotAllowed


def _errors(entered: Mapping[str, str]) -> dict[str, str]:
    country = entered["country"]

    def phone(number: str) -> object:
        return phones.optional(number, country if phones.is_country(country) else "", "phone")

    return forms.errors_of(
        entered,
        {
            "name": lambda value: validation.line(value, "name"),
            "address": lambda value: validation.optional_line(value, "address"),
            "phone": phone,
            "email": lambda value: validation.email(value, "email"),
            "website": lambda value: validation.website(value, "website"),
        },
    )


def _page(
    values: Mapping[str, str],
    errors: Mapping[str, str],
    status: HTTPStatus = HTTPStatus.OK,
    said: str = "",
) -> Response:
    return Response(_html(values, errors, said), status)


def _html(values: Mapping[str, str], errors: Mapping[str, str], said: str = "") -> str:
    return render_template(
        "console/practice.html",
        **frame(of_account.of_account(), "practice"),
        values=values,
        errors=errors,
        countries=formats.countries(reader().locale),
        said=said,
    )
