"""Collects the reasons of all errors from the code of all services, for the API reference.

`make reasons` writes the table; a test fails while the table and the code differ. The gateway's
image contains no other service, hence a file.
"""

import ast
import importlib
import json
import pkgutil
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

from werkzeug import exceptions

from common import errors
from common.errors import DomainError
from common.services import GATEWAY, SERVICES, package
from gateway.web import problems

ROOT = Path(__file__).parents[1]
TABLE = ROOT / "services/gateway/src/gateway/openapi/reasons.json"
_PACKAGES = ("common", *map(package, (*SERVICES, GATEWAY)))
_NO_MODULES = ("__main__", "migrations")
Reason = tuple[str, int]  # and its status
_RULES = {
    "SELF_SCHEDULING_OFF": "The practice doesn't take online bookings.",
    "CLIENT_STATUS_NOT_ALLOWED": "The practice doesn't take online bookings from this client.",
    "TYPE_INACTIVE": "The service type is inactive.",
    "TYPE_NOT_ONLINE": "The service type can't be booked online.",
    "MODE_NOT_OFFERED": "The service type isn't offered in this mode.",
    "TELEHEALTH_NOT_ENABLED": "Telehealth is turned off for the service type.",
    "TOO_SOON": "The start is sooner than the minimum notice.",
    "TOO_FAR": "The start is further ahead than the maximum.",
    "OUTSIDE_HOURS": "The session is outside the provider's hours for this mode.",
    "BLOCK_NOT_ONLINE": "Clients can't book these hours online.",
    "OFF_GRID": "The start isn't one of the provider's start times.",
}
_INTERNAL = {
    # Between services, in commands, or in notices; and base classes that nothing raises.
    *(
        "ACCOUNT_EXISTS",
        "ALREADY_REVERSED",
        "BAD_CASE",
        "CONFLICT",
        "ENTRY_NOT_FOUND",
        "IMPOSSIBLE_SHAPE",
    ),
    *("INVALID_FIELDS", "INVALID_MONEY", "INVALID_NAME", "INVALID_PAGE_TOKEN", "INVALID_ROLE"),
    *("INVALID_SIDE", "MAIL_REFUSED", "MAIL_SERVER_UNAVAILABLE", "MALFORMED_MESSAGE"),
    *("PRACTICE_NEEDED", "REFUSED", "ROOM_MISSING", "UNBALANCED", "UNDECIPHERABLE_ERROR"),
    *("UNKNOWN_BILLING_TYPE", "UNUSABLE_ADDRESS", "USERNAME_TAKEN", "WEAK_PASSWORD"),
}


def collect() -> list[dict[str, object]]:
    """Return every reason with its status and meaning, by status and name."""
    found: dict[Reason, str] = {}
    for kind in sorted(_kinds(DomainError), key=lambda kind: kind.__module__):
        meaning = (kind.__doc__ or "").strip().split("\n")[0]
        found.setdefault((errors.reason_of(kind), _status(kind)), meaning)
    for status in problems.DETAILS:
        found[problems.reason_of(status), int(status)] = problems.DETAILS[status]
    for name in _PACKAGES:
        for path in _sources(name):
            found = _literals(ast.parse(path.read_text())) | found
    found.update(_rules())
    found["INTERNAL", 500] = "Something went wrong on our end."
    if unknown := _INTERNAL - {reason for reason, _ in found}:
        raise ValueError(f"no code has these reasons: {sorted(unknown)}")
    rows = sorted(
        (status, reason, text)
        for (reason, status), text in found.items()
        if reason not in _INTERNAL
    )
    return [{"status": status, "reason": reason, "meaning": text} for status, reason, text in rows]


def _kinds(base: type[DomainError]) -> Iterator[type[DomainError]]:
    """Yield the error classes that services can raise, but not those of tests."""
    for name in _PACKAGES:
        for module in pkgutil.walk_packages(importlib.import_module(name).__path__, f"{name}."):
            if not any(part in module.name for part in _NO_MODULES):
                importlib.import_module(module.name)
    kinds = [base]
    while kinds:
        kind = kinds.pop()
        kinds += kind.__subclasses__()
        if kind is not base and kind.__module__.partition(".")[0] in _PACKAGES:
            yield kind


def _status(kind: type[DomainError]) -> int:
    return int(problems.status_of(kind.__new__(kind)))  # some are made with arguments


def _sources(name: str) -> Iterator[Path]:
    yield from sorted(Path(importlib.import_module(name).__path__[0]).rglob("*.py"))


def _literals(tree: ast.AST) -> dict[Reason, str]:
    """Return the reasons that code names where it raises: `Invalid("…", reason="TOO_LONG")`."""
    found = {}
    for call in ast.walk(tree):
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name)):
            continue
        named = {keyword.arg: keyword.value for keyword in call.keywords}
        kind, reason = getattr(errors, call.func.id, None), named.get("reason")
        if kind and kind is not DomainError and isinstance(reason, ast.Constant):
            meaning = _text(call.args[0]) if call.args else ""
            found[str(reason.value), _status(kind)] = meaning
        http = getattr(exceptions, call.func.id, None)
        if call.args and isinstance(http, type) and issubclass(http, exceptions.HTTPException):
            found[problems.reason_of(http.code or 0), http.code or 0] = _text(call.args[0])
    return found


def _text(node: ast.expr) -> str:
    """Return a text; `…` stands for what it is formatted with."""
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) for part in node.values)
    return str(node.value) if isinstance(node, ast.Constant) else "…"


def _rules() -> dict[Reason, str]:
    """Return the rules that can refuse a start; KeyError for one that `_RULES` lacks."""
    from availability.domain.rules import Rule

    status = int(HTTPStatus.UNPROCESSABLE_ENTITY)
    return {(rule.name, status): _RULES[rule.name] for rule in Rule if rule is not Rule.TAKEN}


def main() -> None:
    TABLE.write_text(json.dumps(collect(), indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
