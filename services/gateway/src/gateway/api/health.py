"""Health of the gateway, for whatever runs it."""

from flask import Response, current_app

from gateway.openapi.operation import Operations, Tag, encode, json_response
from gateway.schemas import health as schemas
from gateway.web.health import OK, UNAVAILABLE, Readiness, is_ready

health = Operations("health", Tag("Probes", "Whether the gateway lives and can work."), prefix="")


@health.operation("GET", "/healthz", schemas.Alive)
def get_health() -> schemas.Alive:
    """Whether the process lives"""
    return schemas.Alive(status="ok")


@health.operation("GET", "/readyz", schemas.Ready, unavailable=schemas.Ready)
def get_readiness() -> Response:
    """Whether work can be done

    With each dependency's state; the database, availability and booking decide, the others cost
    their own feature only.
    """
    readiness: Readiness = current_app.extensions["readiness"]
    states = readiness.states()
    ready = is_ready(states)
    answer = schemas.Ready.model_validate(
        {"status": OK if ready else UNAVAILABLE, "dependencies": states}
    )
    return json_response(encode(answer), 200 if ready else 503)
