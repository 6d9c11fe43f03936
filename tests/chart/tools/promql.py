"""Selectors of PromQL expressions: which series a rule or a panel reads."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import promql_parser as promql

_OPERATORS = {"Equal": "=", "NotEqual": "!=", "Re": "=~", "NotRe": "!~"}


@dataclass(frozen=True)
class Matcher:
    """A condition on one label; `operator` is `=`, `!=`, `=~`, or `!~`."""

    label: str
    operator: str
    value: str

    def accepts(self, value: str) -> bool:
        """Return whether a label with this value, empty for none, meets the condition."""
        if self.operator in ("=", "!="):
            return (value == self.value) is (self.operator == "=")
        return bool(re.fullmatch(self.value, value)) is (self.operator == "=~")


@dataclass(frozen=True)
class Selector:
    """The series of one metric that meet all matchers."""

    metric: str
    matchers: tuple[Matcher, ...]


def selectors(expression: str) -> list[Selector]:
    """Return the selectors of an expression, in its order. Raises ValueError for invalid PromQL."""
    return [_selector(found) for found in _walk(promql.parse(expression), promql.VectorSelector)]


def grouped_labels(expression: str) -> set[str]:
    """Return the labels that the aggregations of an expression keep (`by`)."""
    kept: set[str] = set()
    for aggregation in _walk(promql.parse(expression), promql.AggregateExpr):
        modifier = aggregation.modifier
        if modifier is not None and modifier.type == promql.AggModifierType.By:
            kept.update(modifier.labels)
    return kept


def _walk(node: Any, kind: type) -> Iterator[Any]:
    if isinstance(node, kind):
        yield node
    for name in ("lhs", "rhs", "expr", "param", "vector_selector"):
        child = getattr(node, name, None)
        if child is not None:
            yield from _walk(child, kind)
    for argument in getattr(node, "args", None) or ():
        yield from _walk(argument, kind)


def _selector(node: Any) -> Selector:
    matchers = (
        Matcher(each.name, _OPERATORS[str(each.op).rpartition(".")[2]], each.value)
        for each in node.matchers.matchers
    )
    return Selector(node.name, tuple(matchers))
