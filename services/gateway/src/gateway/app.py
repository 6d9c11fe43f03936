"""The WSGI application: made in each worker, with its own channels and connections."""

from apiflask import APIFlask
from flask import Flask, request

from common import clock
from common.audit import Sealer
from common.audit.servicer import AuditServicer
from common.db import encryption
from common.db.database import Database
from common.rpc.identity import Signer
from common.services import GATEWAY
from gateway import api, capacity, middleware, openapi, pages, problems, protection
from gateway.api.operation import PREFIX
from gateway.backends import Backends
from gateway.limits import Limiter
from gateway.readiness import Readiness
from gateway.settings import Settings

_LARGEST_BODY = 64 * 1024


def create_app(settings: Settings) -> APIFlask:
    """The whole application."""
    encryption.use(encryption.KeyRing(settings.encryption_keys, settings.blind_index_key))
    app = APIFlask(
        "gateway",
        title="Attune",
        version="1",
        spec_path=f"{PREFIX}/openapi.json",
        docs_path=None,
        json_errors=False,
    )
    app.config.update(MAX_CONTENT_LENGTH=_LARGEST_BODY, MAX_FORM_MEMORY_SIZE=_LARGEST_BODY)
    app.json.sort_keys = False  # type: ignore[attr-defined]  # of Flask's own provider
    _equip(app, settings)
    app.before_request(_name_route)
    protection.register(app)
    app.register_error_handler(Exception, problems.from_exception)
    openapi.register(app, settings)
    api.register(app, settings)
    pages.register(app)
    limited = capacity.Capacity(app.wsgi_app, settings)
    app.wsgi_app = middleware.Surroundings(limited, settings)  # type: ignore[method-assign]
    app.extensions["sealer"].start()
    return app


def close(app: Flask) -> None:
    """Let go of what the app holds."""
    app.extensions["sealer"].stop()
    for name in ("backends", "readiness", "database"):
        app.extensions[name].close()


def _equip(app: Flask, settings: Settings) -> None:
    """What requests find in `app.extensions`."""
    backends = Backends(settings, Signer(GATEWAY, settings.identity_key))
    present = clock.clock(settings.clock_file)
    database = Database(
        settings.database_url,
        settings.most_for_one + 1,  # the sealer's
        service=GATEWAY,
        clock=present,
        patience=settings.call_seconds,
        max_wait=settings.turn_seconds,
    )
    app.extensions.update(
        settings=settings,
        backends=backends,
        database=database,
        audit=AuditServicer(database),
        sealer=Sealer(database),
        clock=present,
        limiter=Limiter(settings, database, present),
        readiness=Readiness(database, backends.targets),
    )


def _name_route() -> None:
    if request.url_rule is not None:
        request.environ[middleware.ROUTE] = request.url_rule.rule
