"""The audit trail of the practice, merged from all services."""

from datetime import UTC
from typing import Any

from attune.audit.v1 import audit_service_pb2 as pb
from common import proto, zones
from common.services import GATEWAY, SERVICES
from gateway import times
from gateway.api.paging import cursor_errors
from gateway.backends import audit as backend
from gateway.backends.audit import Filter
from gateway.openapi.operation import Access, Operations, Tag
from gateway.schemas import audit as schemas

audit = Operations(
    "audit", Tag("Audit", "Who read and changed what, and who signed in. For owners only.")
)


@audit.operation(
    "GET",
    "/audit",
    schemas.Entries,
    access=Access.STAFF,
    query=schemas.AuditQuery,
    errors=(404,),
)
def list_audit(query: schemas.AuditQuery) -> schemas.Entries:
    """List audit entries

    Returns the audit trail, newest first. Reading it adds an entry, too. The response always covers
    all services: while one is unavailable, ask for the entries of another one with `service`.
    """
    start, end = times.period(query.from_, query.to, zones.zone(query.tz))
    wanted = Filter(start, end, query.subject, query.action, query.thing, query.request)
    services = [query.service] if query.service else [*SERVICES, GATEWAY]
    with cursor_errors():
        page = backend.page(services, wanted, query.limit, query.cursor or "")
    return schemas.Entries(
        entries=[_answer(service, entry) for service, entry in page.rows],
        next=page.next_token or None,
    )


def _answer(service: Any, entry: pb.Entry) -> schemas.Entry:
    return schemas.Entry(
        id=entry.entry_id,
        time=times.text(proto.instant(entry.create_time), UTC),
        service=service,
        subject=entry.subject,
        action=entry.action,
        things=list(entry.things),
        request=entry.request,
        address=entry.address or None,
        position=entry.position or None,
    )
