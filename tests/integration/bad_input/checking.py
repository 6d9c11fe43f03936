"""Checks that a wrong request gets the response of its row and changes nothing."""

import re

from tests.integration.bad_input.databases import Databases
from tests.integration.bad_input.place import Answer, Place
from tests.integration.bad_input.table import SOME, Problem, Row


def check(place: Place, databases: Databases, row: Row) -> None:
    """Send the request of a row and compare the complete response."""
    with databases.unchanged():
        answer = place.send(row)
    check_problem(answer, row.expected)


def check_problem(answer: Answer, expected: Problem) -> None:
    """Compare a complete problem document with its status and headers."""
    assert answer.headers.get("Content-Type") == "application/problem+json", answer
    problem = answer.json
    assert re.fullmatch("[0-9a-f]{32}", problem["trace_id"])
    assert answer.headers["X-Request-Id"] == problem["trace_id"]
    assert answer.headers["Cache-Control"] == "no-store"
    document = expected.document(problem["trace_id"])
    for name, value in document.items():
        if value is SOME:
            assert problem[name], problem
            document[name] = problem[name]
    assert problem == document
    assert answer.status == problem["status"]
