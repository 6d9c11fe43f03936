"""The OpenAPI document of a running Attune."""

from pathlib import Path

import pytest
import requests

from attune_local.stack import Stack


@pytest.fixture
def document(stack: Stack, tmp_path: Path) -> Path:
    """Return the path of the document as the gateway serves it."""
    answer = requests.get(f"{stack.url}/api/v1/openapi.json", timeout=60)
    path = tmp_path / "openapi.json"
    path.write_bytes(answer.content)
    return path
