"""Collects the texts of pages and emails for translation (spec NT-6).

`python -m tests.messages` writes a template for each package to `build/messages` and brings the
catalogs of all languages up to date; `python -m tests.messages es` begins those of a language.
"""

import sys
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po, write_po

from common.texts import DOMAIN

ROOT: Final = Path(__file__).parents[1]
PACKAGES: Final = ("gateway", "notifications")
_METHODS = [("**.py", "python"), ("templates/**", "jinja2")]
_KEYWORDS = {**DEFAULT_KEYWORDS, "text": None, "texts": (1, 2)}
_OPTIONS = {"templates/**": {"silent": "false"}}


def source(package: str) -> Path:
    """The folder of a package."""
    return ROOT / "services" / package / "src" / package


def template(package: str) -> Catalog:
    """Every text of a package, without translations."""
    catalog = Catalog(project=f"Attune {package}", copyright_holder="", charset="utf-8")
    found = extract_from_dir(source(package), _METHODS, _OPTIONS, _KEYWORDS)
    for name, line, message, comments, context in found:
        catalog.add(message, None, [(name, line)], auto_comments=comments, context=context)
    return catalog


def update(package: str, language: str, texts: Catalog) -> None:
    """Bring the catalog of a language up to date, or begin it."""
    path = source(package) / "locale" / language / "LC_MESSAGES" / f"{DOMAIN}.po"
    catalog = Catalog(locale=language)
    if path.exists():
        with path.open("rb") as file:
            catalog = read_po(file, locale=language)
    catalog.update(texts)
    _write(path, catalog)


def _write(path: Path, catalog: Catalog) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    catalog.fuzzy = False  # as a whole, or the compiler leaves it out
    with path.open("wb") as file:
        write_po(file, catalog, sort_output=True, include_lineno=False, width=100)
    print(path.relative_to(ROOT), len(catalog), "texts")


def main(*new: str) -> None:
    for package in PACKAGES:
        texts = template(package)
        _write(ROOT / "build" / "messages" / f"{package}.pot", texts)
        begun = {path.name for path in source(package).glob("locale/*")}
        for language in sorted(begun | set(new)):
            update(package, language, texts)


if __name__ == "__main__":
    main(*sys.argv[1:])
