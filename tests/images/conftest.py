"""Images, built once a run, and an Attune that runs from them."""

import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.images.containers import ALL, DOCKER, ROOT, Attune, Images, docker

# Variables that name images, and the images that are made here where one names none.
_VARIABLES = {
    "BASE_IMAGE": "attune-base/python:3.11",
    "ATTUNE_POSTGRES_IMAGE": "attune-base/postgres:18",
    "ATTUNE_NATS_IMAGE": "attune-base/nats:2",
}
_FIGURES = ROOT / "build" / "images.json"


@pytest.fixture(scope="session")
def engine() -> None:
    """A Docker engine. Without one the tests are skipped, loudly; under CI as well, which has no
    engine."""
    try:
        found = subprocess.run([*DOCKER, "version"], capture_output=True).returncode == 0
    except OSError:
        found = False
    if not found:
        words = "THE IMAGES WERE NOT TESTED: no Docker engine answers (CI has none, by design)"
        sys.__stderr__.write(f"\n{words}\n")  # type: ignore[union-attr]  # past pytest's capture
        pytest.skip(words)


@pytest.fixture(scope="session")
def images(engine: None) -> Images:
    """The images of all services, on bases that variables name or that are made here."""
    base, postgres, nats = (os.environ.get(name, made) for name, made in _VARIABLES.items())
    if not _VARIABLES.keys() <= os.environ.keys():
        subprocess.run(
            [ROOT / "tests/images/bases.sh"],
            env={**os.environ, "DOCKER": shlex.join(DOCKER)},
            stdout=subprocess.DEVNULL,
            check=True,
        )
    built = Images(base, postgres, nats, tag="test")
    built.build()
    return built


@pytest.fixture(scope="session")
def attune(images: Images) -> Iterator[Attune]:
    """A whole Attune from the images; its figures are in build/images.json."""
    with tempfile.TemporaryDirectory(prefix="attune-images-") as folder:
        Path(folder).chmod(0o755)  # the containers' user reads its secrets there
        started = Attune(images, Path(folder))
        try:
            started.start()
            _write_figures(started)
            yield started
        finally:
            started.stop()


def _write_figures(attune: Attune) -> None:
    """Note sizes, build times, and start times, in megabytes and seconds."""
    images = attune.images
    figures = {
        service: {
            "megabytes": round(images.inspect(service)["Size"] / 1e6),
            "build_seconds": round(images.build_seconds[service], 1),
            "start_seconds": round(attune.start_seconds[service], 1),
        }
        for service in ALL
    }
    base = int(docker("image", "inspect", "--format", "{{.Size}}", images.base))
    _FIGURES.parent.mkdir(exist_ok=True)
    _FIGURES.write_text(json.dumps({"base_megabytes": round(base / 1e6), **figures}, indent=1))
