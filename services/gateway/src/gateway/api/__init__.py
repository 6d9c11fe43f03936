"""The API, a file for each resource (spec GW-1 … GW-4)."""

from collections.abc import Sequence

from gateway.openapi.operation import Operations
from gateway.settings import Settings


def resources(settings: Settings) -> Sequence[Operations]:
    """Return the operations to serve, in the order of the document.

    The development mailbox is among them in development only.
    """
    from gateway.api.audit import audit
    from gateway.api.billables import billables
    from gateway.api.bookings import bookings
    from gateway.api.clients import clients
    from gateway.api.feeds import documents, feeds
    from gateway.api.health import health
    from gateway.api.holds import holds
    from gateway.api.hours import hours
    from gateway.api.mailbox import mailbox
    from gateway.api.notices import notices
    from gateway.api.physical_rooms import physical_rooms
    from gateway.api.policies import policies
    from gateway.api.practices import practices
    from gateway.api.providers import providers
    from gateway.api.rooms import rooms
    from gateway.api.service_types import service_types
    from gateway.api.sessions import sessions
    from gateway.api.slots import slots

    served = [
        providers,
        slots,
        holds,
        bookings,
        rooms,
        clients,
        hours,
        service_types,
        practices,
        policies,
        physical_rooms,
        billables,
        feeds,
        documents,
        notices,
        sessions,
        audit,
        health,
    ]
    return [*served, mailbox] if settings.development else served
