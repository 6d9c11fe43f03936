"""What the layers of the images rest on (spec PF-16)."""

import re
from pathlib import Path

import pytest

from common.services import GATEWAY, SERVICES

REQUIREMENTS = Path(__file__).parents[2] / "requirements"


def pins(name: str) -> dict[str, str]:
    """Return the locked versions of a file, by package with extras."""
    text = (REQUIREMENTS / f"{name}.txt").read_text()
    return dict(re.findall(r"^([^\s=]+)==(\S+)", text, re.MULTILINE))


@pytest.mark.req("PF-16")
@pytest.mark.parametrize("service", [*SERVICES, GATEWAY])
def test_a_service_keeps_the_versions_of_the_shared_layer(service: str) -> None:
    """A service's own layer adds files to the shared one, and replaces none."""
    shared, own = pins("common"), pins(service)
    assert len(shared) > 20
    assert {name: own.get(name) for name in shared} == shared
