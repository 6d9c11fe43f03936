"""Health of the gateway, for the platform that runs it."""

from flask import Response, current_app

from gateway.openapi.operation import Operations, Tag, encode, json_response
from gateway.schemas import health as schemas
from gateway.web.health import OK, UNAVAILABLE, Readiness, is_ready

health = Operations("health", Tag("Probes", "Whether the gateway is alive and ready."), prefix="")


@health.operation("GET", "/healthz", schemas.Alive)
def get_health() -> schemas.Alive:
    """Whether the process is alive"""
    return schemas.Alive(status="ok")


@health.operation("GET", "/readyz", schemas.Ready, unavailable=schemas.Ready)
def get_readiness() -> Response:
    """Whether the gateway is ready

    With the state of each dependency. The database, availability, and booking decide; without one
    of the others, only its own feature is missing.
    """
    readiness: Readiness = current_app.extensions["readiness"]
    states = readiness.states()
    ready = is_ready(states)
    answer = schemas.Ready.model_validate(
        {"status": OK if ready else UNAVAILABLE, "dependencies": states}
    )
    return json_response(encode(answer), 200 if ready else 503)
