"""The notation for wrong requests: what is wrong, and the complete expected response."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from http import HTTPStatus
from typing import Any

from werkzeug.http import HTTP_STATUS_CODES

Fields = Mapping[str, str]


class _Mark(Enum):
    UNSET = "left out"
    SOME = "there, whatever it is"


UNSET: Any = _Mark.UNSET
SOME: Any = _Mark.SOME


@dataclass(frozen=True)
class Problem:
    """A problem document without its trace id."""

    status: HTTPStatus
    reason: str
    detail: str
    fields: Fields = field(default_factory=dict)
    members: Mapping[str, Any] = field(default_factory=dict)

    def document(self, trace_id: str) -> dict[str, Any]:
        """Return the document as the gateway sends it."""
        return {
            "type": "about:blank",
            "title": HTTP_STATUS_CODES[self.status],
            "status": self.status.value,
            "detail": self.detail,
            "reason": self.reason,
            "trace_id": trace_id,
            **({"fields": self.fields} if self.fields else {}),
            **self.members,
        }


def invalid(fields: Fields) -> Problem:
    """Return the problem for values that break the schema, with every fault by its field."""
    return Problem(HTTPStatus.BAD_REQUEST, "INVALID", next(iter(fields.values())), fields)


def refused(status: int, reason: str, detail: str, at: str = "", **members: Any) -> Problem:
    """Return a problem with its own reason, at the field that it is about."""
    return Problem(HTTPStatus(status), reason, detail, {at: detail} if at else {}, members)


@dataclass(frozen=True)
class Row:
    """One wrong request. Texts in <angle brackets> are names of the place's values."""

    route: "Route"
    name: str
    expected: Problem
    method: str
    path: Mapping[str, str]
    query: Mapping[str, Any]
    json: Any
    headers: Mapping[str, str]
    caller: str
    body: bytes | None = None

    def __str__(self) -> str:
        return f"{self.route}: {self.name}"

    def sending(self, body: bytes) -> "Row":
        """Return the same request with exactly this body."""
        return replace(self, body=body)


@dataclass(frozen=True)
class Route:
    """An operation, with the parts of a correct request."""

    method: str
    rule: str
    caller: str = "visitor"
    query: Mapping[str, Any] = field(default_factory=dict)
    json: Any = UNSET
    status: int = 200

    def __str__(self) -> str:
        return f"{self.method} {self.rule}"

    def row(
        self,
        name: str,
        expected: Problem,
        *,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        json: Any = UNSET,
        **changes: Any,
    ) -> Row:
        """Return a request that is correct except for these changes.

        `query` and `body` change fields by their paths (`client.email`, `blocks[0].day`); UNSET
        removes a field.
        """
        right = self.json if json is UNSET else json
        row = Row(
            route=self,
            name=name,
            expected=expected,
            method=self.method,
            path={},
            query={k: v for k, v in {**self.query, **(query or {})}.items() if v is not UNSET},
            json=changed(right, body or {}),
            headers={},
            caller=self.caller,
        )
        return replace(row, **changes)


def changed(right: Any, changes: Mapping[str, Any]) -> Any:
    """Return a copy of a body with the values at some paths changed or removed."""
    made = copy.deepcopy(right)
    for path, value in changes.items():
        *way, last = [
            int(part) if part.isdigit() else part
            for part in path.replace("[", ".").replace("]", "").split(".")
        ]
        at = made
        for part in way:
            at = at[part]
        if value is UNSET:
            del at[last]
        else:
            at[last] = value
    return made
