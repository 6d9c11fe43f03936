"""The WSGI application: made in each worker, with its own channels and connections."""

from flask import Flask, request

from common import clock
from common.audit import Sealer
from common.audit.servicer import AuditServicer
from common.db import encryption
from common.db.database import Database
from common.rpc import tls
from common.rpc.identity import Signer
from common.services import GATEWAY
from gateway import api, pages
from gateway.backends.stubs import Stubs
from gateway.identity import visitors
from gateway.openapi import document
from gateway.settings import Settings
from gateway.web import middleware, problems, protection, rate_limits
from gateway.web.health import Readiness
from gateway.web.load_shedding import LARGEST_BODY, LoadShedder
from gateway.web.middleware import RequestMiddleware
from gateway.web.rate_limits import Limiter


def create_app(settings: Settings) -> Flask:
    """Return the application, ready to serve."""
    encryption.use(encryption.KeyRing(settings.encryption_keys, settings.blind_index_key))
    app = Flask("gateway")
    app.config.update(MAX_CONTENT_LENGTH=LARGEST_BODY, MAX_FORM_MEMORY_SIZE=LARGEST_BODY)
    _add_extensions(app, settings)
    app.before_request(_name_route)
    protection.register(app)
    # Flask runs these in reverse: the headers of `protection` come last.
    app.after_request(rate_limits.add_headers)
    app.after_request(visitors.remember)
    app.register_error_handler(Exception, problems.from_exception)
    resources = api.resources(settings)
    for resource in resources:
        app.register_blueprint(resource)
    document.register(app, resources, settings)
    pages.register(app)
    app.wsgi_app = RequestMiddleware(  # type: ignore[method-assign]  # as Flask has it
        LoadShedder(app.wsgi_app, settings), settings
    )
    app.extensions["sealer"].start()
    app.extensions["database"].report_usage()
    return app


def close(app: Flask) -> None:
    """Release the connections and threads of the app."""
    app.extensions["sealer"].stop()
    for name in ("stubs", "readiness", "database"):
        app.extensions[name].close()


def _add_extensions(app: Flask, settings: Settings) -> None:
    """Make the objects that requests find in `app.extensions`."""
    certificates = tls.certificates(settings.tls_folder)
    stubs = Stubs(settings, Signer(GATEWAY, settings.identity_key), certificates)
    now = clock.clock(settings.clock_file)
    database = Database(
        settings.database_url,
        settings.connections,
        service=GATEWAY,
        clock=now,
        patience=settings.call_seconds,
        max_wait=settings.turn_seconds,
    )
    app.extensions.update(
        settings=settings,
        stubs=stubs,
        database=database,
        audit=AuditServicer(database),
        sealer=Sealer(database),
        clock=now,
        limiter=Limiter(settings, database, now),
        readiness=Readiness(database, stubs.targets, certificates),
    )


def _name_route() -> None:
    if request.url_rule is not None:
        request.environ[middleware.ROUTE] = request.url_rule.rule
