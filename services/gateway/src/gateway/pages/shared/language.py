"""The reader's language, and the formats of their region for dates, numbers, and money.

All texts of the pages go through `text` and `texts` (`_` and `ngettext` in templates) with
English as the key. Another language is one more catalog in CATALOGS.
"""

from dataclasses import dataclass
from functools import lru_cache

from babel import Locale, UnknownLocaleError
from babel.core import get_global
from babel.support import NullTranslations
from flask import g, request

CATALOGS: dict[str, NullTranslations] = {"en": NullTranslations()}
_DEFAULT = "en"


@dataclass(frozen=True)
class Reader:
    """The reader of a page: the language of the texts, and the locale of the formats.

    A German who is shown English has the locale `en_DE`.
    """

    language: str
    locale: Locale

    @property
    def tag(self) -> str:
        """The language tag for the browser's `Intl`."""
        return str(self.locale).replace("_", "-")

    @property
    def catalog(self) -> NullTranslations:
        return CATALOGS[self.language]


def reader() -> Reader:
    """Return the reader of this request, by Accept-Language."""
    if "reader" not in g:
        g.reader = _reader(tuple(request.accept_languages.values()))
    found: Reader = g.reader
    return found


@lru_cache(maxsize=512)
def _reader(wanted: tuple[str, ...]) -> Reader:
    known = [locale for locale in map(_parse, wanted[:10]) if locale is not None]
    language = next((k.language for k in known if k.language in CATALOGS), _DEFAULT)
    territory = next(filter(None, map(_territory, known)), None)
    for name in (f"{language}_{territory}", f"{language}_001" if territory else language):
        try:
            return Reader(language, Locale.parse(name))
        except (UnknownLocaleError, ValueError):
            continue
    return Reader(language, Locale.parse(language))


def _parse(tag: str) -> Locale | None:
    try:
        return Locale.parse(tag, sep="-")
    except (UnknownLocaleError, ValueError, TypeError):
        return None


def _territory(locale: Locale) -> str | None:
    if locale.territory:
        return locale.territory
    likely: str = get_global("likely_subtags").get(locale.language, "")
    return likely.rpartition("_")[2] or None


def text(message: str, **values: object) -> str:
    """Return a text in the reader's language."""
    return str(reader().catalog.ugettext(message)) % values


def texts(one: str, many: str, n: int, **values: object) -> str:
    """Return a text for a number of things; `%(num)d` is the number."""
    return str(reader().catalog.ungettext(one, many, n)) % {"num": n, **values}
