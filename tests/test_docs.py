"""The files, tests, and pages that the docs name exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FOLDERS = ("libs", "services", "tests", "protos", "deploy", "requirements")
FILES = [str(path) for folder in FOLDERS for path in (ROOT / folder).rglob("*.*")]
EXAMPLE = "waitlist"  # the service that docs/adding-a-service.md adds
# `booking/jobs.py`, `test_story.py::test_…`; `…::test_…` is in the file named before.
NAMED = re.compile(r"`(…|[\w./-]+\.(?:py|proto|sh|js))(?:::(\w+))?`")
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_and_tests_that_are_named_exist(page: Path) -> None:
    last, missing = "", []
    for path, function in NAMED.findall(page.read_text()):
        last = last if path == "…" else path
        found = [name for name in FILES if name.endswith(f"/{last}")]
        defined = (f"def {function}(" in Path(name).read_text() for name in found)
        if EXAMPLE not in last and (not found or (function and not any(defined))):
            missing.append(f"{last}::{function}".removesuffix("::"))
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    broken = [to for to in LINK.findall(page.read_text()) if not (page.parent / to).exists()]
    assert broken == []
