"""`make reqs`: each requirement of the specification with the number of its passing tests."""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def main() -> None:
    """Print what the last test run wrote, and write build/reqs.json."""
    counts: dict[str, int] = json.loads((ROOT / "build" / "test-reqs.json").read_text())
    ordered = dict(sorted(counts.items(), key=_by_group_and_number))
    (ROOT / "build" / "reqs.json").write_text(json.dumps(ordered, indent=1) + "\n")
    for requirement, count in ordered.items():
        sys.stdout.write(f"{requirement:<8}{count:>4}\n")


def _by_group_and_number(item: tuple[str, int]) -> tuple[str, int]:
    group, _, number = item[0].partition("-")
    return group, int(number or 0)


if __name__ == "__main__":
    main()
