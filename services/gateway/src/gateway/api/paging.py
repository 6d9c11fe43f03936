"""Lists a page at a time."""

import contextlib
from collections.abc import Iterator

from common.errors import Invalid, NotFound


class UnknownCursor(NotFound):
    """This cursor leads to no page."""


@contextlib.contextmanager
def cursor_errors() -> Iterator[None]:
    """Raise UnknownCursor for a page token that the service refuses, for whatever reason."""
    try:
        yield
    except Invalid as error:
        if error.field == "page_token":
            raise UnknownCursor(field=error.field) from None
        raise
