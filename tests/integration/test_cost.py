"""What one request to a public route costs is bounded, however often it is repeated (spec GW-14).

Calls and statements are counted, not seconds; `make bench ONLY=E1` measures the time that searches
of others take meanwhile.
"""

import secrets
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from attune_local.stack import Stack
from tests.collector import Collector
from tests.world import World, token_of

_CALLER = "00000000000000a1"  # the span of the test, which the collector never gets


@dataclass(frozen=True)
class Cost:
    """The calls between services, and the SQL statements of all of them, for one request."""

    calls: int
    statements: int


FREE = Cost(0, 0)
# For a search, one provider's data stands in memory.
TABLE: dict[str, Cost] = {
    "/": FREE,
    "/healthz": FREE,
    "/readyz": FREE,
    "/signin": FREE,
    "/static/attune.css": FREE,
    "/api/docs": FREE,
    "/api/v1/openapi.json": FREE,
    "/api/v1/providers/{username}": Cost(1, 0),
    "/api/v1/providers/{username}/slots?{query}": Cost(1, 0),
    "/api/v1/providers/{username}/slots?{query}&from={day}&to={day}": Cost(1, 0),
    "/api/v1/providers/{username}/slots/next?{query}": Cost(1, 0),
    "/api/v1/providers/{username}/days?{query}": Cost(1, 0),
    "/book/{username}": Cost(3, 0),
    "/book/{username}?{query}": Cost(3, 0),
    "/book/nobody-at-all": Cost(1, 2),
    "/manage/{token}": Cost(4, 12),
    "/manage/{token}/appointment.ics": Cost(4, 12),
    "/manage/{other}": Cost(1, 2),
    "/join/{other}": Cost(1, 2),
    "/calendar/{other}.ics": Cost(1, 2),
}


@pytest.fixture(scope="module")
def values(stack: Stack) -> dict[str, str]:
    world = World.make(stack)
    booking = world.book()
    return {
        "username": world.username,
        "query": "service=session&mode=telehealth&tz=UTC",
        "day": world.a_start()[:10],
        "token": token_of(booking["manage_url"]),
        "other": secrets.token_urlsafe(32),
    }


def is_complete(spans: list[tuple[str, Span]]) -> bool:
    """Return whether the request has ended and every call has the span of its callee."""
    parents = {span.parent_span_id for _, span in spans}
    calls = [span for _, span in spans if _is_call(span)]
    ended = bytes.fromhex(_CALLER) in parents
    return ended and all(call.span_id in parents for call in calls)


def _is_call(span: Any) -> bool:
    return bool(span.kind == Span.SPAN_KIND_CLIENT and "/" in span.name)


@pytest.mark.req("GW-14")
@pytest.mark.parametrize("path", TABLE)
def test_a_request_costs_no_more_than_the_table_says(
    stack: Stack, collector: Collector, values: dict[str, str], path: str
) -> None:
    url = stack.url + path.format(**values)
    requests.get(url, timeout=60)  # loads what is kept in memory
    trace_id = secrets.token_hex(16)
    headers = {"traceparent": f"00-{trace_id}-{_CALLER}-01"}
    assert requests.get(url, headers=headers, timeout=60).status_code in (200, 404)
    spans = collector.wait_for(trace_id, is_complete)
    calls = [span.name for _, span in spans if _is_call(span)]
    statements = [
        f"{service}: {span.name}"
        for service, span in spans
        if span.kind == Span.SPAN_KIND_CLIENT and not _is_call(span)
    ]
    allowed = TABLE[path]
    assert len(calls) <= allowed.calls, calls
    assert len(statements) <= allowed.statements, statements
