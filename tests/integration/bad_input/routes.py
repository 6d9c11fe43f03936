"""The routes of the gateway, as it serves and documents them."""

from typing import Any

import requests

from attune_local.stack import Stack
from common.db import encryption
from common.services import GATEWAY
from gateway.app import close, create_app
from gateway.settings import Settings
from tests.integration.bad_input.table import Route


def served(stack: Stack) -> set[str]:
    """Return every route, such as `GET /api/v1/providers/<username>`."""
    ring = encryption.ring()
    app = create_app(Settings.from_env(stack.environment(GATEWAY, stack.port)))
    try:
        return {
            f"{method} {rule.rule}"
            for rule in app.url_map.iter_rules()
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        }
    finally:
        close(app)
        encryption.use(ring)


def with_body(stack: Stack) -> list[Route]:
    """Return the operations that read a JSON body."""
    document: Any = requests.get(f"{stack.url}/api/v1/openapi.json", timeout=60).json()
    return [
        Route(
            method.upper(),
            path.replace("{", "<").replace("}", ">"),
            "owner" if operation.get("security") else "visitor",
        )
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if "requestBody" in operation
    ]
