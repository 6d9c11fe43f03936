"""The audit trail of the practice: every service keeps its own, here they are one."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from flask import current_app

from attune.audit.v1 import audit_service_pb2 as rpc
from common import audit as trail
from common import zones
from common.audit.servicer import AuditServicer
from common.rpc import access
from common.services import GATEWAY, SERVICES
from gateway import times
from gateway.api.bookings import span
from gateway.api.operation import Access, Operations, paging
from gateway.backends import backends
from gateway.schemas import audit as schemas

audit = Operations("audit", "Who read and changed what, and who signed in. For owners.")
Read = Callable[[rpc.ListEntriesRequest], rpc.ListEntriesResponse]


@audit.operation(
    "GET",
    "/audit",
    schemas.Entries,
    access=Access.STAFF,
    query=schemas.AuditQuery,
    errors=(404,),
)
def list_audit(query: schemas.AuditQuery) -> schemas.Entries:
    """Entries of the audit trail, the newest first

    That they were read is an entry too. All services are asked, and none is left out: while one is
    away, ask for those of another `service`.
    """
    tz = zones.zone(query.tz)
    request = rpc.ListEntriesRequest(
        **span(query.from_, query.to, tz),
        subject=query.subject,
        action=query.action,
        thing=query.thing,
        request=query.request,
        page_size=query.limit,
        page_token=query.cursor or "",
    )
    found: list[tuple[str, rpc.Entry]] = []
    more = False
    with paging():
        for service in [query.service] if query.service else [*SERVICES, GATEWAY]:
            answer = _reader(service)(request)
            found += [(service, entry) for entry in answer.entries]
            more = more or bool(answer.next_page_token)
    found.sort(key=lambda one: _sort_key(one[1]), reverse=True)
    shown = found[: query.limit]
    more = more or len(found) > query.limit
    return schemas.Entries(
        entries=[_answer(service, entry) for service, entry in shown],
        next=_token_after(shown[-1][1]) if more else None,
    )


def _reader(service: str) -> Read:
    """Asks one service, or the gateway's own database under the same rules."""
    if service != GATEWAY:
        return backends().audit[service].ListEntries
    own: AuditServicer = current_app.extensions["audit"]
    access.require("audit:read")
    return own.ListEntries


def _sort_key(entry: rpc.Entry) -> tuple[datetime, UUID]:
    return times.instant(entry.create_time), UUID(entry.entry_id)


def _token_after(entry: rpc.Entry) -> str:
    at, entry_id = _sort_key(entry)
    return trail.NEWEST_FIRST.token(trail.Entry(at=at, id=entry_id))


def _answer(service: Any, entry: rpc.Entry) -> schemas.Entry:
    return schemas.Entry(
        id=entry.entry_id,
        time=times.text(times.instant(entry.create_time), UTC),
        service=service,
        subject=entry.subject,
        action=entry.action,
        things=list(entry.things),
        request=entry.request,
        address=entry.address or None,
        position=entry.position or None,
    )
