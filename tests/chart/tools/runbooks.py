"""Runbooks, and the blocks of code in them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.chart.tools.install import ROOT

FOLDER = ROOT / "docs" / "runbooks"
SECTIONS = ["Meaning", "Impact", "Diagnosis", "Mitigation", "Escalation"]
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_DATABASE = re.compile(r"-- database: ([a-z-]+)\n")


@dataclass(frozen=True)
class Block:
    """A block of code of one page: `sh`, `promql`, or `sql`."""

    page: str
    language: str
    text: str

    @property
    def database(self) -> str:
        """The service whose database a block of SQL asks, named in its first line."""
        found = _DATABASE.match(self.text)
        assert found, f"{self.page}: the first line of SQL names no database"
        return found[1]


def texts() -> dict[str, str]:
    """Return the pages by the names of their alerts."""
    return {path.stem: path.read_text() for path in FOLDER.glob("*.md") if path.stem != "README"}


def blocks(language: str = "") -> Iterator[Block]:
    """Yield the blocks of all pages, or those in one language."""
    for path in sorted(FOLDER.glob("*.md")):
        for found in _BLOCK.finditer(path.read_text()):
            if language in ("", found[1]):
                yield Block(path.stem, found[1], found[2])
