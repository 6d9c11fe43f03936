"""The API, a module for each thing that it is about (spec GW-1 … GW-4)."""

from apiflask import APIFlask

from gateway.settings import Settings


def register(app: APIFlask, settings: Settings) -> None:
    """Serve all operations; those for developers in development only."""
    from gateway.api.audit import audit
    from gateway.api.auth import auth
    from gateway.api.billing import billing
    from gateway.api.bookings import bookings
    from gateway.api.calendars import calendars, feeds
    from gateway.api.clients import clients
    from gateway.api.hours import hours
    from gateway.api.notices import notices
    from gateway.api.practice import practice
    from gateway.api.providers import providers
    from gateway.api.service_types import service_types
    from gateway.api.system import development, probes

    served = [
        providers,
        bookings,
        clients,
        hours,
        service_types,
        practice,
        billing,
        calendars,
        feeds,
        notices,
        auth,
        audit,
        probes,
    ]
    for operations in [*served, development] if settings.development else served:
        app.register_blueprint(operations)
