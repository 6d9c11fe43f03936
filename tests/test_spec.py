"""Requirement ids: docs/spec defines each once, and nothing cites one that it does not define."""

import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.requirements import ROOT, SPEC, files, requirements

DEFINED = Counter(requirement for requirement, _ in requirements())
_PREFIXES = "|".join(sorted({requirement.partition("-")[0] for requirement in DEFINED}))
# Only prefixes of docs/spec count, so UTF-8 is not an id. After the word "spec" any prefix counts.
CITATION = re.compile(rf"(?<![\w-])(?:{_PREFIXES}|(?<=spec )[A-Z]{{2}})-\d+\b")
MARK = re.compile(r"\bmark\.req\(([^)]*)\)")
NOT_SOURCE = {"build", "node_modules", "__pycache__"}


def sources() -> Iterator[tuple[Path, str]]:
    """Yield the path below the root and the text of each file, hidden and built ones left out."""
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [f for f in folders if not f.startswith(".") and f not in NOT_SOURCE]
        for path in (Path(folder, name) for name in names):
            yield path.relative_to(ROOT), path.read_text(errors="replace")


def test_each_id_is_defined_once() -> None:
    assert len(DEFINED) > 0
    assert [requirement for requirement, times in DEFINED.items() if times > 1] == []


def test_the_table_lists_each_file() -> None:
    assert sorted([*files(), "README.md"]) == sorted(path.name for path in SPEC.iterdir())


def test_each_cited_id_is_defined() -> None:
    unknown = [
        f"{path}:{number}: {cited}"
        for path, text in sources()
        for number, line in enumerate(text.splitlines(), 1)
        for cited in CITATION.findall(line)
        if cited not in DEFINED
    ]
    assert not unknown, "\n".join(unknown)


def test_each_id_in_a_mark_is_defined() -> None:
    marks = [
        (path, arguments, re.findall(r'"([^"]*)"', arguments))
        for path, text in sources()
        if path.suffix == ".py"
        for arguments in MARK.findall(text)
    ]
    unknown = [
        f"{path}: req({arguments})"
        for path, arguments, ids in marks
        if not ids or any(requirement not in DEFINED for requirement in ids)
    ]
    assert marks != []
    assert not unknown, "\n".join(unknown)


def test_only_ids_are_taken_for_citations() -> None:
    assert CITATION.findall("UTF-8 SHA-256 AES-256-GCM ISO-8601 RFC-9457 GMT-5 AIP-155") == []
    # Composed, so that test_each_cited_id_is_defined does not find them in this file.
    cited = [f"AV-{10**6}", f"XY-{1}"]
    assert CITATION.findall(f"({cited[0]}), spec {cited[1]}.") == cited
