"""The reader of a page, by their browser's languages, and the texts in the reader's language.

All texts of the pages go through `text` and `texts` (`_` and `ngettext` in templates).
"""

from flask import g, request

from common.texts import Catalogs, Reader

CATALOGS = Catalogs.of("gateway")


def reader() -> Reader:
    """Return the reader of this request, by Accept-Language."""
    if "reader" not in g:
        g.reader = CATALOGS.reader(*request.accept_languages.values())
    found: Reader = g.reader
    return found


def text(message: str, **values: object) -> str:
    """Return a text in the reader's language, with the values of its `%(name)s`."""
    return reader().text(message, **values)


def texts(one: str, many: str, n: int, **values: object) -> str:
    """Return a text for a number of things; `%(num)d` is the number."""
    return reader().texts(one, many, n, **values)
