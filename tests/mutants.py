"""The small changes that `make mutate` tries: how they are found, drawn and applied.

Left alone are strings, annotations, logging, table definitions, assertions, and numbers that only
say how long something takes or how much a cache holds.
"""

import ast
import difflib
import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate, islice, pairwise

_SWAPPED = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="}
_SWAPPED |= {"in": "not in", "not in": "in", "is": "is not", "is not": "is"}
_SWAPPED |= {"and": "or", "or": "and", "+": "-", "-": "+", "+=": "-=", "-=": "+="}
_SWAPPED |= {"max": "min", "min": "max", "any": "all", "all": "any"}
_OPERATOR = re.compile(r"\b(not\s+in|is\s+not|in|is|and|or)\b|[<>=!]=|[<>]|[+-]=?")
_OPPOSITES = ast.Eq | ast.NotEq | ast.In | ast.NotIn | ast.Is | ast.IsNot
_PACE = re.compile(
    "timeout|seconds|pause|pace|wait|heartbeat|silence|answer|period|interval|leeway|tick|maxsize",
    re.IGNORECASE,
)
_WAITING = {"sleep", "wait", "wait_for", "join"}
_NOT_LOGIC = {"log", "logger", "logging", "warnings", "cast", "dataclass"}
_NOT_LOGIC |= {"Column", "Index", "Table", "mapped_column", "relationship", "TypeVar", "ContextVar"}
_EMPTY = {"str": '""', "bytes": 'b""', "int": "0", "float": "0.0", "tuple": "()"}
_EMPTY |= {"list": "[]", "Sequence": "[]", "dict": "{}", "Mapping": "{}"}

_Node = ast.expr | ast.stmt | ast.keyword


@dataclass(frozen=True)
class Mutant:
    """One change of one file: the text from `start` to `end` is replaced by `new`."""

    path: str
    line: int
    change: str  # what a reader is told: `comparison: < → <=`
    start: int
    end: int
    new: str

    def apply(self, text: str) -> str:
        """Return the whole file with the change."""
        return text[: self.start] + self.new + text[self.end :]

    def diff(self, text: str) -> str:
        """Return the change as a unified diff."""
        before, after = text.splitlines(), self.apply(text).splitlines()
        return "\n".join(
            difflib.unified_diff(before, after, self.path, self.path, n=2, lineterm="")
        )


def mutants_of(path: str, text: str) -> Iterator[Mutant]:
    """Yield every mutant of a source file. Few may be no valid Python; `sample` drops those."""
    finder = _Finder(path, text)
    finder.visit(ast.parse(text))
    yield from finder.found


def sample(sources: Mapping[str, str], count: int, seed: int) -> list[Mutant]:
    """Draw mutants from sources by path; the same sources and seed give the same mutants."""
    every = [mutant for path in sorted(sources) for mutant in mutants_of(path, sources[path])]
    random.Random(seed).shuffle(every)  # noqa: S311  # no secret
    changed = (mutant for mutant in every if is_changed(sources[mutant.path], mutant))
    return sorted(islice(changed, count), key=lambda mutant: (mutant.path, mutant.start))


def is_changed(text: str, mutant: Mutant) -> bool:
    """Return whether a mutant is valid Python and differs in more than comments."""
    try:
        return ast.dump(ast.parse(mutant.apply(text))) != ast.dump(ast.parse(text))
    except SyntaxError:
        return False


def statement(text: str, line: int) -> range:
    """Return the lines of the innermost statement at a line, without those of its body."""
    lines = range(0)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.stmt):
            decorators = getattr(node, "decorator_list", [])
            first = min(part.lineno for part in (node, *decorators))
            end = node.body[0].lineno if hasattr(node, "body") else (node.end_lineno or 0) + 1
            if line in range(first, (node.end_lineno or 0) + 1) and first >= lines.start:
                lines = range(first, end)
    return lines


def _names(node: ast.expr) -> tuple[str, str]:
    """Return the first and the last name of `a.b.c`: `a` and `c`."""
    last = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    while isinstance(node, ast.Attribute | ast.Call | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    return getattr(node, "id", ""), last


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or isinstance(getattr(node, "value", None), str | bytes)


def _is_flipped_elsewhere(test: ast.expr) -> bool:
    """Return whether negating `test` is what another change already does."""
    match test:
        case ast.Compare(ops=[op]):
            return isinstance(op, _OPPOSITES)
        case ast.UnaryOp(op=ast.Not()) | ast.Constant():
            return True
    return False


class _Finder(ast.NodeVisitor):
    """Collects the mutants of one file in `found`."""

    def __init__(self, path: str, text: str) -> None:
        self.found: list[Mutant] = []
        self._path = path
        self._text = text
        self._lines = text.splitlines(keepends=True)
        self._starts = [0, *accumulate(map(len, self._lines))]
        self._functions: list[ast.FunctionDef | ast.AsyncFunctionDef] = []

    def _at(self, line: int, column: int) -> int:
        """Return the index of a position in the text: its column counts bytes."""
        return self._starts[line - 1] + len(self._lines[line - 1].encode()[:column].decode())

    def _start(self, node: _Node) -> int:
        return self._at(node.lineno, node.col_offset)

    def _end(self, node: _Node) -> int:
        return self._at(node.end_lineno or 0, node.end_col_offset or 0)

    def _source(self, node: _Node) -> str:
        return self._text[self._start(node) : self._end(node)]

    def _add(self, kind: str, start: int, end: int, new: str) -> None:
        old = self._text[start:end]
        line = self._text.count("\n", 0, end - len(old.lstrip(", \n"))) + 1
        told = " → ".join(" ".join(part.split())[:60] for part in (old.strip(", \n"), new) if part)
        self.found.append(Mutant(self._path, line, f"{kind}: {told}", start, end, new))

    def _replace(self, kind: str, node: _Node, new: str) -> None:
        if new != self._source(node):
            self._add(kind, self._start(node), self._end(node), new)

    def _swap(self, kind: str, left: ast.expr, right: ast.expr) -> None:
        """Swap the operator that stands between two operands."""
        if found := _OPERATOR.search(self._text, self._end(left), self._start(right)):
            self._add(kind, *found.span(), _SWAPPED[" ".join(found[0].split())])

    def _negate(self, test: ast.expr) -> None:
        if not _is_flipped_elsewhere(test):
            self._replace("condition negated", test, f"not ({self._source(test)})")

    def visit_Compare(self, node: ast.Compare) -> None:
        for left, right in pairwise([node.left, *node.comparators]):
            self._swap("comparison", left, right)
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        for left, right in pairwise(node.values):
            self._swap("and/or", left, right)
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if isinstance(node.op, ast.Add | ast.Sub) and not (
            _is_text(node.left) or _is_text(node.right)
        ):
            self._swap("arithmetic", node.left, node.right)
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not):
            start = self._start(node)
            self._add("not removed", start, start + len("not "), "")
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self._negate(node.test)
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        for test in node.ifs:
            self._negate(test)
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, bool):
            self._replace("boolean", node, str(not node.value))
        elif isinstance(node.value, int | float):
            self._replace("number", node, repr(node.value + 1))
            self._replace("number", node, repr(node.value - 1))

    def visit_Call(self, node: ast.Call) -> None:
        if _NOT_LOGIC.intersection(_names(node.func)):
            return
        if isinstance(node.func, ast.Name) and node.func.id in ("max", "min", "any", "all"):
            self._replace("function swapped", node.func, _SWAPPED[node.func.id])
        self._drop_keywords(node)
        if _names(node.func)[1] not in _WAITING:
            self.generic_visit(node)

    def _drop_keywords(self, node: ast.Call) -> None:
        every: list[ast.expr | ast.keyword] = [*node.args, *node.keywords]
        given = sorted(every, key=self._start)
        for n, one in enumerate(given):
            if isinstance(one, ast.expr) or _PACE.search(one.arg or ""):
                continue
            start = self._end(given[n - 1]) if n else self._start(one)
            end = self._end(one) if n else self._start((*given, one)[1])
            if len(given) == 1:
                end = self._end(node) - 1  # a comma may follow
            self._add("argument dropped", start, end, "")

    def visit_keyword(self, node: ast.keyword) -> None:
        if not _PACE.search(node.arg or "") or isinstance(node.value, ast.Compare):
            self.visit(node.value)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Leave f-strings alone: before Python 3.12 their parts have no usable positions."""

    def visit_Assert(self, node: ast.Assert) -> None:
        """Leave assertions alone: they tell the type checker what holds."""

    def visit_If(self, node: ast.If) -> None:
        if ast.unparse(node.test) != "TYPE_CHECKING":
            self._negate(node.test)
            self.generic_visit(node)

    def visit_While(self, node: ast.While) -> None:
        self._negate(node.test)
        self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        value = node.value.value if isinstance(node.value, ast.Await) else node.value
        if isinstance(value, ast.Call):
            if not _NOT_LOGIC.intersection(_names(value.func)):
                self._replace("statement removed", node, "pass")
            self.visit(value)
        elif not isinstance(value, ast.Constant):
            self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        made = bool(self._functions) and self._functions[-1].name == "__init__"
        if isinstance(node.targets[0], ast.Attribute) and not made:
            self._replace("statement removed", node, "pass")
        if not self._is_pace(node, node.targets[0]):
            self.visit(node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value and not self._is_pace(node, node.target):
            self.visit(node.value)

    def _is_pace(self, node: ast.stmt, target: ast.expr) -> bool:
        """Return whether a constant's name or comment says that it is a time or a pace."""
        told = _names(target)[1] + self._lines[node.lineno - 1].partition("#")[2]
        return _names(target)[1].isupper() and bool(_PACE.search(told))

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.op, ast.Add | ast.Sub):
            self._swap("arithmetic", node.target, node.value)
        self.generic_visit(node)

    def visit_Return(self, node: ast.Return) -> None:
        if node.value and not isinstance(node.value, ast.Constant):
            self._replace_returned(node.value, self._functions[-1])
        self.generic_visit(node)

    def _replace_returned(
        self, value: ast.expr, function: ast.FunctionDef | ast.AsyncFunctionDef
    ) -> None:
        kind = ast.unparse(function.returns).partition("[")[0] if function.returns else ""
        if kind == "bool":
            self._negate(value)
        else:
            self._replace("returned value", value, _EMPTY.get(kind, "None"))

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._functions.append(node)
        for part in (*node.decorator_list, *node.args.defaults, *node.args.kw_defaults, *node.body):
            if part:
                self.visit(part)
        self._functions.pop()

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self.visit_FunctionDef(node)
