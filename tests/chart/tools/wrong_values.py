"""Wrong values for every key of the chart's schema, and what Helm says about them.

Helm reports all violations of a schema at once, so a few runs with many wrong values try all keys.
"""

import copy
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

from tests.chart.tools import helm
from tests.chart.tools.install import ROOT

Schema = dict[str, Any]
Key = tuple[str, ...]
UNKNOWN = "unknownKey"
SAMPLE = "sample"  # in place of names that values choose
MISSING = object()


@dataclass(frozen=True)
class Node:
    """A key of the values, or an entry of a list, with its part of the schema."""

    key: Key
    schema: Schema

    @property
    def name(self) -> str:
        """The key as Helm's messages name it."""
        return ".".join(self.key)

    @property
    def types(self) -> set[str]:
        """The types that the schema allows; those of the choices if it lists them."""
        wanted = self.schema.get("type", [])
        return {wanted} if isinstance(wanted, str) else set(wanted)

    @property
    def is_closed(self) -> bool:
        """Return whether unknown keys are refused."""
        return self.schema.get("additionalProperties") is False


@cache
def _schema() -> Schema:
    loaded: Schema = json.loads((helm.CHART / "values.schema.json").read_text())
    return loaded


@cache
def nodes() -> tuple[Node, ...]:
    """Return every key of the schema, parents before their children."""
    return tuple(_walk((), _schema()))


def _walk(key: Key, schema: Schema) -> Iterator[Node]:
    schema = _resolved(schema)
    if key:
        yield Node(key, schema)
    for name, part in schema.get("properties", {}).items():
        yield from _walk((*key, name), part)
    if isinstance(part := schema.get("additionalProperties"), dict):
        yield from _walk((*key, SAMPLE), part)
    if "items" in schema:
        yield from _walk((*key, "0"), schema["items"])


def _resolved(schema: Schema) -> Schema:
    """Return a schema with its reference and its `allOf` put in place."""
    merged: Schema = {}
    for part in [schema, *schema.get("allOf", [])]:
        if "$ref" in part:
            part = _resolved(_schema()["$defs"][part["$ref"].rpartition("/")[2]])
        properties = {**merged.get("properties", {}), **part.get("properties", {})}
        merged |= {k: v for k, v in part.items() if k not in ("allOf", "$ref")}
        merged |= {"properties": properties} if properties else {}
    return merged


@cache
def _defaults() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((helm.CHART / "values.yaml").read_text())
    return loaded


def default(key: Key) -> Any:
    """Return the default of a key in values.yaml, for a service also that under `defaults`;
    `MISSING` if there is none."""
    at: Any = _defaults()
    for name in key:
        if not isinstance(at, dict) or name not in at:
            is_of_service = key[0] == "services" and len(key) > 2
            return default(("defaults", *key[2:])) if is_of_service else MISSING
        at = at[name]
    return at


def of_wrong_type(node: Node) -> Any:
    """Return a value of another type than the default's; without a default, of a type that the
    schema does not allow."""
    if "enum" in node.schema:
        return "no such choice"
    match default(node.key):
        case bool() | int() | float():
            return "many"
        case str():
            return {} if node.key[-1] == "cpu" else 7  # CPU is `100m` or 2
        case list() | dict():
            return "text"
    for kind, value in (("array", []), ("number", 7), ("object", {}), ("boolean", True)):
        if kind not in node.types and not (kind == "number" and "integer" in node.types):
            return copy.copy(value)
    raise AssertionError(f"{node.name} allows everything")


def of_wrong_value(node: Node) -> Any:
    """Return a value of the right type that the schema refuses; `MISSING` if there is none."""
    schema = node.schema
    if "pattern" in schema:
        return "\t"
    for bound, step in (("minimum", -1), ("exclusiveMinimum", 0), ("maximum", 1)):
        if bound in schema:
            return schema[bound] + step
    if schema.get("uniqueItems"):
        return ["a", "a"]
    if "minItems" in schema:
        return []
    return MISSING


def refusals(wrong: Callable[[Node], Any], chosen: list[Node]) -> set[str]:
    """Return the names of keys that Helm refuses when all these nodes have wrong values."""
    values: dict[str, Any] = {}
    for node in chosen:
        value = wrong(node)
        if value is not MISSING:
            put(values, node.key, value)
    return {line.group(1) for line in re.finditer(r"^- ([^:\s]+): ", told(values), re.MULTILINE)}


def told(values: dict[str, Any]) -> str:
    """Return Helm's refusal of values, or an empty text if it accepts them."""
    path = ROOT / "build" / f"wrong-values-{abs(hash(json.dumps(values)))}.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(values))
    try:
        helm.text(path)
    except helm.Refused as refusal:
        return str(refusal)
    finally:
        path.unlink()
    return ""


def has_wrong_value(node: Node) -> bool:
    """Return whether some values of the right type are refused."""
    return of_wrong_value(node) is not MISSING


def leaves() -> list[Node]:
    """Return the nodes without children."""
    parents = {node.key[:-1] for node in nodes()}
    return [node for node in nodes() if node.key not in parents]


def parents(depth: int) -> list[Node]:
    """Return the nodes that have children and stand at a depth, from 1 on."""
    found = {node.key[:-1] for node in nodes()}
    return [node for node in nodes() if node.key in found and len(node.key) == depth]


def put(values: dict[str, Any], key: Key, value: Any) -> None:
    """Set a value at a key, making the objects and lists on the way."""
    at: Any = values
    for name, following in zip(key, (*key[1:], None), strict=True):
        made = value if following is None else [] if following == "0" else {}
        if isinstance(at, list):
            if not at:
                at.append(made)
            at = at[0]
        else:
            at = at.setdefault(name, made)
