"""Lists a page at a time."""

import contextlib
from collections.abc import Iterator

from common.errors import Invalid, NotFound


class UnknownCursor(NotFound):
    """Invalid cursor."""


@contextlib.contextmanager
def cursor_errors() -> Iterator[None]:
    """Raise UnknownCursor instead of any failure that concerns the page token."""
    try:
        yield
    except Invalid as error:
        if error.field == "page_token":
            raise UnknownCursor(field=error.field) from None
        raise
