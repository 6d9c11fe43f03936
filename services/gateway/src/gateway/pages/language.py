"""The reader's language, and how their region writes dates, numbers and money.

All texts of the pages go through `text` and `texts` (`_` and `ngettext` in templates) with
English as the key: a further language is a catalogue in CATALOGUES, nothing else.
"""

from dataclasses import dataclass
from functools import lru_cache

from babel import Locale, UnknownLocaleError
from babel.core import get_global
from babel.support import NullTranslations
from flask import g, request

CATALOGUES: dict[str, NullTranslations] = {"en": NullTranslations()}
_DEFAULT = "en"


@dataclass(frozen=True)
class Reader:
    """Whoever reads the page: a language that there are texts in, and the formats of the region
    (`en_DE` for a German who is shown English)."""

    language: str
    locale: Locale

    @property
    def tag(self) -> str:
        """For `lang` attributes and the browser's `Intl`."""
        return str(self.locale).replace("_", "-")

    @property
    def catalogue(self) -> NullTranslations:
        return CATALOGUES[self.language]


def reader() -> Reader:
    """The reader of this request, by Accept-Language."""
    if "reader" not in g:
        g.reader = _reader(tuple(request.accept_languages.values()))
    found: Reader = g.reader
    return found


@lru_cache(maxsize=512)
def _reader(wanted: tuple[str, ...]) -> Reader:
    known = [locale for locale in map(_parse, wanted[:10]) if locale is not None]
    language = next((k.language for k in known if k.language in CATALOGUES), _DEFAULT)
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
    """A text in the reader's language."""
    return str(reader().catalogue.ugettext(message)) % values


def texts(one: str, many: str, n: int, **values: object) -> str:
    """A text for a number of things; `%(num)d` is the number."""
    return str(reader().catalogue.ungettext(one, many, n)) % {"num": n, **values}
