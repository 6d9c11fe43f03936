"""Bodies that cannot be read, sent to every call that reads one."""

import gzip

import pytest

from attune_local.stack import Stack
from tests.integration.bad_input import words
from tests.integration.bad_input.checking import check
from tests.integration.bad_input.databases import Databases
from tests.integration.bad_input.place import Place
from tests.integration.bad_input.routes import with_body
from tests.integration.bad_input.table import Problem, Route, invalid, refused

JSON = "application/json"
AN_OBJECT = invalid({"body": words.AN_OBJECT})
NO_JSON = refused(415, "UNSUPPORTED_MEDIA_TYPE", "Send the body as application/json.")
TOO_LARGE = refused(
    413, "REQUEST_ENTITY_TOO_LARGE", "The body is too large. The limit is 65536 bytes."
)


def malformed(line: int, column: int) -> Problem:
    detail = f"The body isn't valid JSON: check line {line}, column {column}."
    return refused(400, "MALFORMED_JSON", detail)


BODIES: dict[str, tuple[bytes, str, Problem]] = {
    "half an object": (b'{"a":', JSON, malformed(1, 5)),
    "a comma too many": (b'{"a": 1,}', JSON, malformed(1, 9)),
    "single quotes": (b"{'a': 1}", JSON, malformed(1, 2)),
    "a comment": (b"{}\n// so far", JSON, malformed(2, 1)),
    "two objects": (b"{} {}", JSON, malformed(1, 4)),
    "no UTF-8": (b'{"a": "\xff"}', JSON, malformed(1, 8)),
    "half a character": (b'{"a": "\\ud800"}', JSON, malformed(1, 14)),
    "a bare null byte": (b"\0", JSON, malformed(1, 1)),
    "a control character": (b'{"a": "\x01"}', JSON, malformed(1, 8)),
    "UTF-16": ("{}".encode("utf-16"), JSON, malformed(1, 1)),
    "Latin-1, as it says": (
        '{"a": "é"}'.encode("latin-1"),
        f"{JSON}; charset=latin-1",
        malformed(1, 8),
    ),
    "compressed": (gzip.compress(b"{}"), JSON, malformed(1, 1)),
    "10 000 lists in each other": (b"[" * 10_000 + b"]" * 10_000, JSON, malformed(1, 202)),
    "10 000 objects in each other": (b'{"a":' * 10_000, JSON, malformed(1, 1006)),
    "a list": (b"[]", JSON, AN_OBJECT),
    "a text": (b'"{}"', JSON, AN_OBJECT),
    "null": (b"null", JSON, AN_OBJECT),
    "no number": (b"NaN", JSON, AN_OBJECT),
    "too large": (b" " * 65_537, JSON, TOO_LARGE),
    "plain text": (b"{}", "text/plain", NO_JSON),
    "a form": (b"a=1", "application/x-www-form-urlencoded", NO_JSON),
    "several parts": (b"--x--", "multipart/form-data; boundary=x", NO_JSON),
    "another JSON": (b"{}", "application/merge-patch+json", NO_JSON),
    "of no type": (b"{}", "", NO_JSON),
}


@pytest.fixture(scope="module")
def routes(stack: Stack) -> list[Route]:
    """Every operation that reads a body, by the OpenAPI document."""
    return with_body(stack)


@pytest.mark.req("GW-2", "GW-14")
@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_cannot_be_read_is_explained_everywhere(
    place: Place, databases: Databases, routes: list[Route], name: str
) -> None:
    body, content_type, expected = BODIES[name]
    for route in routes:
        row = route.row(name, expected, body=None, headers={"Content-Type": content_type})
        check(place, databases, row.sending(body))
