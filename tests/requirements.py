"""The requirements of docs/spec; `make reqs` prints each with the number of its passing tests."""

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
SPEC = ROOT / "docs" / "spec"
_ROW = re.compile(r"^\| \[[^]]+\]\(([^)]+)\) \|", re.MULTILINE)
_DEFINITION = re.compile(r"^- \*\*([A-Z]{2}-\d+)\*\* ([^.\n]+)", re.MULTILINE)


def files() -> list[str]:
    """Return the names of the files that define requirements, in the order of the table."""
    return _ROW.findall((SPEC / "README.md").read_text())


def requirements() -> list[tuple[str, str]]:
    """Return the id and the title of each definition, in order; an id defined twice comes twice."""
    return [found for name in files() for found in _DEFINITION.findall((SPEC / name).read_text())]


def main() -> None:
    """Print what the last test run counted, and write build/reqs.json."""
    passed: dict[str, int] = json.loads((ROOT / "build" / "test-reqs.json").read_text())
    counts = {requirement: passed.get(requirement, 0) for requirement, _ in requirements()}
    (ROOT / "build" / "reqs.json").write_text(json.dumps(counts, indent=1) + "\n")
    for requirement, title in requirements():
        sys.stdout.write(f"{requirement:<6}{counts[requirement]:>4}  {title}\n")
    sys.stdout.write(f"{sum(map(bool, counts.values()))} of {len(counts)}\n")


if __name__ == "__main__":
    main()
