"""The audit trail: each service keeps its own entries, here they are merged."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from flask import current_app

from attune.audit.v1 import audit_service_pb2 as rpc
from attune.audit.v1.audit_service_pb2 import Entry
from common import audit, proto
from common.audit.servicer import AuditServicer
from common.db.cursor import Page
from common.rpc import access
from common.services import GATEWAY
from gateway.backends.stubs import stubs


class Filter(NamedTuple):
    """Which entries to return; empty fields match all."""

    start: datetime | None
    end: datetime | None
    subject: str
    action: str
    thing: str
    request: str


class ServiceEntry(NamedTuple):
    """An entry and the service that keeps it."""

    service: str
    entry: Entry


def page(services: Sequence[str], wanted: Filter, size: int, token: str) -> Page[ServiceEntry]:
    """Return a page of the entries of several services, the newest first.

    Every service is asked; the failure of one is raised.
    """
    request = rpc.ListEntriesRequest(
        from_time=proto.timestamp(wanted.start) if wanted.start else None,
        to_time=proto.timestamp(wanted.end) if wanted.end else None,
        subject=wanted.subject,
        action=wanted.action,
        thing=wanted.thing,
        request=wanted.request,
        page_size=size,
        page_token=token,
    )
    answers = [(service, _reader(service)(request)) for service in services]
    found = [
        ServiceEntry(service, entry) for service, answer in answers for entry in answer.entries
    ]
    found.sort(key=lambda one: _sort_key(one.entry), reverse=True)
    has_more = len(found) > size or any(answer.next_page_token for _, answer in answers)
    shown = found[:size]
    return Page(shown, _token_after(shown[-1].entry) if has_more else "")


def _reader(service: str) -> Callable[[rpc.ListEntriesRequest], rpc.ListEntriesResponse]:
    """Return the RPC of a service, or the gateway's own servicer under the same permission."""
    if service != GATEWAY:
        return stubs().audit[service].ListEntries
    own: AuditServicer = current_app.extensions["audit"]
    access.require("audit:read")
    return own.ListEntries


def _sort_key(entry: Entry) -> tuple[datetime, UUID]:
    return proto.instant(entry.create_time), UUID(entry.entry_id)


def _token_after(entry: Entry) -> str:
    return audit.LIST.token_after(*_sort_key(entry))
