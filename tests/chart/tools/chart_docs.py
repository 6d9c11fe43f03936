"""Writes the table of values in the chart's README from the comments of values.yaml.

`python -m tests.chart.tools.chart_docs` writes it; with `--check` it only says whether the README
is as it would be written. A comment that begins with `# --` describes the key that follows it.
"""

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.chart.tools.helm import CHART

VALUES, README = CHART / "values.yaml", CHART / "README.md"
_BEGIN, _END = "<!-- values -->", "<!-- end of values -->"
_KEY = re.compile(r"^( *)([A-Za-z0-9_-]+):")
_LONGEST = 60  # characters of a default in the table


@dataclass(frozen=True)
class Value:
    """A described key of the values."""

    key: str
    default: str
    description: str


def described(text: str) -> Iterator[Value]:
    """Return the keys of a values file that have a comment `# --`, in their order."""
    values = yaml.safe_load(text)
    path: list[tuple[int, str]] = []
    words: list[str] = []
    for line in text.splitlines():
        comment = line.strip()
        if comment.startswith("# --"):
            words = [comment.removeprefix("# --").strip()]
        elif comment.startswith("#") and words:
            words.append(comment.removeprefix("#").strip())
        elif found := _KEY.match(line):
            indent, key = len(found[1]), found[2]
            path = [(i, k) for i, k in path if i < indent] + [(indent, key)]
            if words:
                keys = [k for _, k in path]
                yield Value(".".join(keys), _shown(_at(values, keys)), " ".join(words))
            words = []
        else:
            words = []


def _at(values: Any, keys: list[str]) -> Any:
    for key in keys:
        values = values[key]
    return values


def _shown(value: Any) -> str:
    if value == "":
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"`{text}`" if len(text) <= _LONGEST else "see values.yaml"


def undescribed(text: str) -> list[str]:
    """Return the keys that have neither a comment nor a described key above them."""
    known = {value.key for value in described(text)}

    def walk(prefix: str, values: Any) -> Iterator[str]:
        for key, value in values.items():
            name = f"{prefix}{key}"
            if name in known:
                continue
            if isinstance(value, dict) and value:
                yield from walk(f"{name}.", value)
            else:
                yield name

    # Services have the keys of `defaults`, which are described there.
    inherited = {value.key.split(".")[1] for value in described(text) if "defaults." in value.key}
    return [
        name
        for name in walk("", yaml.safe_load(text))
        if not (name.startswith("services.") and name.split(".")[2] in inherited)
    ]


def written(readme: str, values: str) -> str:
    """Return the README with the table of these values."""
    before, _, rest = readme.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    lines = ["| key | default | meaning |", "|---|---|---|"]
    for value in described(values):
        cells = (f"`{value.key}`", value.default, value.description)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    table = "\n".join(lines)
    return f"{before}{_BEGIN}\n{table}\n{_END}{after}"


def main(arguments: list[str], readme: Path = README, values: Path = VALUES) -> int:
    """Write the README, or check it. Return 1 if a check finds a difference."""
    text = readme.read_text()
    wanted = written(text, values.read_text())
    if "--check" not in arguments:
        readme.write_text(wanted)
        return 0
    if wanted != text:
        print(f"{readme} is not up to date: run python -m tests.chart.tools.chart_docs")
    return int(wanted != text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
