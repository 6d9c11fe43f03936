"""A language for tests: every text in English within brackets, from the templates for translators.

What a reader of it sees outside brackets cannot be translated.
"""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo

from common.texts import DOMAIN, Catalogs
from tests.messages import template

_INNERMOST = re.compile("⟦[^⟦⟧]*⟧")
_SHOWN = ("alt", "aria-label", "content", "label", "placeholder", "title", "value")
_HIDDEN = ("script", "style")


def catalogs(package: str, folder: Path, *languages: str) -> Catalogs:
    """The catalogs of a package in which these languages have brackets."""
    texts = template(package)
    for message in texts:
        if message.id:
            ids = message.id if isinstance(message.id, tuple) else (message.id,)
            translated = tuple(f"⟦{each}⟧" for each in ids)
            message.string = translated if len(ids) > 1 else translated[0]
    for language in languages:
        path = folder / language / "LC_MESSAGES" / f"{DOMAIN}.mo"
        path.parent.mkdir(parents=True)
        with path.open("wb") as file:
            write_mo(file, texts)
    return Catalogs(folder)


def outside(text: str) -> str:
    """What stands outside all brackets, which may be nested."""
    while (rest := _INNERMOST.sub(" ", text)) != text:
        text = rest
    return text


def visible(html: str) -> list[str]:
    """The texts of a page that people see or hear, and the state for its script."""
    page = _Page()
    page.feed(html)
    return page.found


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._hidden = self._is_state = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self._hidden = tag in _HIDDEN
        self._is_state = tag == "script" and given.get("type") == "application/json"
        names = set(_SHOWN)
        if tag == "meta" and given.get("name") != "description":
            names.discard("content")
        if tag in ("input", "option", "button"):
            names.discard("value")  # what is sent
        self.found += [value for name, value in attrs if name in names and value]

    def handle_endtag(self, tag: str) -> None:
        self._hidden = self._is_state = False

    def handle_data(self, data: str) -> None:
        if self._is_state:
            self.found += _strings(json.loads(data))
        elif data.strip() and not self._hidden:
            self.found.append(data.strip())


def _strings(state: Any, are_texts: bool = False) -> list[str]:
    """The texts in the state of a script: those under `texts`, and those of several words."""
    match state:
        case str():
            return [state] if are_texts or " " in state else []
        case dict():
            named = [(key == "texts" or are_texts, value) for key, value in state.items()]
            return [text for texts, value in named for text in _strings(value, texts)]
        case list():
            return [text for value in state for text in _strings(value, are_texts)]
    return []
