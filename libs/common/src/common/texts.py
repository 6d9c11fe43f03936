"""The texts of pages and emails in the reader's language (spec NT-6).

The code has the texts in English, which are the keys of the catalogs. A package has a catalog of
each other language in `locale/<language>/LC_MESSAGES/messages.po`, which set-up compiles to
`messages.mo`. A text without a translation is shown in English.
"""

import gettext
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib import resources
from pathlib import Path
from typing import Final, Self

from babel import Locale, UnknownLocaleError
from babel.core import get_global

ENGLISH: Final = "en"
DOMAIN: Final = "messages"
"""The name of the catalogs' files."""
_MOST_TAGS = 10


@dataclass(frozen=True)
class Reader:
    """Whoever reads a text: the language of the texts, and the locale of the formats.

    A German who is shown English has the locale `en_DE`.
    """

    language: str
    locale: Locale
    catalog: gettext.NullTranslations

    @property
    def tag(self) -> str:
        """The language tag, such as `en-DE` (BCP 47)."""
        return str(self.locale).replace("_", "-")

    @property
    def direction(self) -> str:
        """`rtl` for languages that are written from right to left, else `ltr`."""
        return str(self.locale.text_direction)

    def text(self, message: str, **values: object) -> str:
        """Return a text in the reader's language, with the values of its `%(name)s`."""
        return self.catalog.gettext(message) % values

    def texts(self, one: str, many: str, n: int, **values: object) -> str:
        """Return a text for a number of things; `%(num)d` is the number."""
        return self.catalog.ngettext(one, many, n) % {"num": n, **values}


class Catalogs:
    """The catalogs of one package, by language."""

    def __init__(self, folder: Path) -> None:
        """Load the compiled catalogs in a `locale` folder, which need not exist."""
        self._folder = folder
        self._reader = lru_cache(maxsize=512)(self._find)

    @classmethod
    def of(cls, package: str) -> Self:
        """Return the catalogs of an installed package."""
        return cls(Path(str(resources.files(package))) / "locale")

    @cached_property
    def languages(self) -> dict[str, gettext.NullTranslations]:
        """The catalog of each language in which there are texts."""
        found = {ENGLISH: gettext.NullTranslations()}
        for path in sorted(self._folder.glob(f"*/LC_MESSAGES/{DOMAIN}.mo")):
            with path.open("rb") as file:
                found[path.parts[-3]] = gettext.GNUTranslations(file)
        return found

    def reader(self, *tags: str) -> Reader:
        """Return the reader who prefers these language tags, best first.

        Their language is the first one that has texts, else English; the formats are those of
        their region, as far as the tags tell it.
        """
        return self._reader(tags[:_MOST_TAGS])

    def _find(self, tags: tuple[str, ...]) -> Reader:
        known = [locale for locale in map(_parse, tags) if locale is not None]
        language = next((k.language for k in known if k.language in self.languages), ENGLISH)
        territory = next(filter(None, map(_territory, known)), None)
        regional = f"{language}-{territory}", f"{language}-001" if territory else language
        locale = next(filter(None, map(_parse, regional)), None) or Locale.parse(language)
        return Reader(language, locale, self.languages[language])


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
