"""The tests of a service with PostgreSQL and NATS in containers (ATTUNE_TEST_BACKEND)."""

import os
import re
import subprocess
from functools import partial

import pytest

from attune_testing import servers
from attune_testing.waiting import until
from tests.images.containers import ROOT, Images, docker

pytestmark = [pytest.mark.images, pytest.mark.req("PF-11"), pytest.mark.timeout(0)]


def test_a_services_tests_pass_on_containers(images: Images) -> None:
    given = {**os.environ}
    for name in (servers.POSTGRES, servers.NATS):
        del given[name]  # of this run
    chosen = {
        servers.BACKEND: "containers",
        servers.POSTGRES_IMAGE: images.postgres,
        servers.NATS_IMAGE: images.nats,
        # Its image may be out of reach, and the servers' ports are on the engine's machine.
        "TESTCONTAINERS_RYUK_DISABLED": "true",
        "TESTCONTAINERS_CONNECTION_MODE": "docker_host",
    }
    with subprocess.Popen(
        ["pytest", "services/billing", "-v"],  # noqa: S607  # this environment's
        cwd=ROOT,
        env=given | chosen,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as tests:
        for image in (images.postgres, images.nats):
            until(partial(docker, "ps", "--quiet", "--filter", f"ancestor={image}"))
        printed, _ = tests.communicate()
    assert tests.returncode == 0, printed
    (count,) = re.findall(r"(\d+) passed", printed)
    assert int(count) > 50
