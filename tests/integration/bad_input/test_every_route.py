"""Every route has wrong requests in the tables."""

import pytest

from attune_local.stack import Stack
from tests.integration.bad_input import (
    test_access,
    test_booking,
    test_forms,
    test_searching,
    test_setting_up,
)
from tests.integration.bad_input.routes import served
from tests.integration.bad_input.table import Row

ROWS: list[Row | test_forms.Form] = [
    *test_access.ROWS,
    *test_booking.ROWS,
    *test_forms.ROWS,
    *test_searching.ROWS,
    *test_setting_up.ROWS,
]


@pytest.mark.req("GW-2")
def test_every_call_and_every_form_has_a_row(stack: Stack) -> None:
    routes = served(stack)
    pages = {r for r in routes if r.startswith("GET ") and not _is_of_the_api(r)}
    assert {str(row.route) for row in ROWS} == routes - pages


def _is_of_the_api(route: str) -> bool:
    return route.startswith(
        ("GET /api/", "GET /calendar/", "GET /static/", "GET /healthz", "GET /readyz")
    )
