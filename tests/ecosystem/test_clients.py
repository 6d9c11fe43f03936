"""Generated clients make the whole story: search, hold, book, and cancel.

Each client comes from its generator without settings, for the document that a gateway serves.
"""

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.ecosystem import programs
from tests.world import World

pytestmark = pytest.mark.req("GW-1", "BK-1")
STORIES = Path(__file__).parent / "stories"
DONE = ["confirmed", "cancelled", True]


def tell(world: World, script: str, packages: Path) -> object:
    """Run a story in Python, and return what it prints."""
    url, username = world.stack.url, world.username
    printed = programs.python(STORIES / script, url, username, packages=packages)
    return json.loads(printed)


def test_openapi_python_client(world: World, document: Path, tmp_path: Path) -> None:
    package = tmp_path / "attune_httpx"
    command = ("generate", "--path", document, "--output-path", package, "--meta", "none")
    said = programs.tool("openapi-python-client", *command, cwd=tmp_path)
    assert "warning" not in said.lower()
    assert tell(world, "openapi_python_client.py", tmp_path) == DONE


# Its Java takes as much of the machine as the other two together, which make test runs.
@pytest.mark.soak
def test_openapi_generator(world: World, document: Path, tmp_path: Path) -> None:
    programs.tool(
        "openapi-generator-cli",
        "generate",
        *("--input-spec", document, "--generator-name", "python", "--output", tmp_path / "made"),
        *("--package-name", "attune_urllib3"),
        # The second compiler of the JVM costs twice what it saves in a run this short.
        env={**os.environ, "JAVA_OPTS": "-XX:TieredStopAtLevel=1"},
    )
    assert tell(world, "openapi_generator.py", tmp_path / "made") == DONE


def test_openapi_typescript(world: World, document: Path, tmp_path: Path) -> None:
    (tmp_path / "node_modules").symlink_to(programs.PACKAGES)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    shutil.copy(STORIES / "openapi_typescript.ts", tmp_path / "story.ts")
    programs.node("openapi-typescript/bin/cli.js", document, "--output", "api.ts", cwd=tmp_path)
    compiled = ("--strict", "--skipLibCheck", "--target", "es2022", "--module", "nodenext")
    programs.node("typescript/bin/tsc", *compiled, "--types", "node", "story.ts", cwd=tmp_path)
    told = programs.node(tmp_path / "story.js", world.stack.url, world.username, cwd=tmp_path)
    assert json.loads(told) == DONE
