"""Health of the gateway, for the platform that runs it."""

from flask import Response, current_app

from gateway.openapi.operation import Operations, Tag, encode, json_response
from gateway.schemas import health as schemas
from gateway.web.health import OK, UNAVAILABLE, Readiness, is_ready

health = Operations("health", Tag("Probes", "Health checks for the platform."), prefix="")


@health.operation("GET", "/healthz", schemas.Alive)
def get_health() -> schemas.Alive:
    """Check that the gateway is alive

    For liveness probes.
    """
    return schemas.Alive(status="ok")


@health.operation("GET", "/readyz", schemas.Ready, unavailable=schemas.Ready)
def get_readiness() -> Response:
    """Check that the gateway is ready

    For readiness probes, with the state of each dependency. Only the database, availability, and
    booking decide; without another service, only its own features are missing.
    """
    readiness: Readiness = current_app.extensions["readiness"]
    states = readiness.states()
    ready = is_ready(states)
    answer = schemas.Ready.model_validate(
        {"status": OK if ready else UNAVAILABLE, "dependencies": states}
    )
    return json_response(encode(answer), 200 if ready else 503)
