"""PostgreSQL and NATS for one test run.

The servers come from wheels, from containers with ATTUNE_TEST_BACKEND=containers, or from outside
with ATTUNE_TEST_POSTGRES_URL (of a superuser, without a database) and ATTUNE_TEST_NATS_URL.
Services connect through a pooler in front of that PostgreSQL if ATTUNE_TEST_POOLER_URL (without
role and database) names one.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attune_local.servers import Nats, Postgres, free_port

POSTGRES = "ATTUNE_TEST_POSTGRES_URL"
NATS = "ATTUNE_TEST_NATS_URL"
POOLER = "ATTUNE_TEST_POOLER_URL"
BACKEND = "ATTUNE_TEST_BACKEND"
PASSWORD = "attune-tests"  # noqa: S105  # of servers that live as long as the run


@contextmanager
def servers() -> Iterator[tuple[str, str]]:
    """Run PostgreSQL and NATS during the block, and yield their URLs."""
    if POSTGRES in os.environ and NATS in os.environ:
        yield os.environ[POSTGRES], os.environ[NATS]
    elif os.environ.get(BACKEND) == "containers":
        with _containers() as urls:
            yield urls
    else:
        with tempfile.TemporaryDirectory(prefix="attune-tests-") as folder:
            Path(folder).chmod(0o755)  # PostgreSQL runs as an unprivileged user
            postgres = Postgres(Path(folder) / "postgres", free_port(), PASSWORD)
            nats = Nats(Path(folder) / "nats", free_port())
            postgres.start()
            nats.start()
            try:
                yield postgres.url, nats.url
            finally:
                nats.stop()
                postgres.stop()


@contextmanager
def _containers() -> Iterator[tuple[str, str]]:
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.waiting_utils import wait_for_logs
    from testcontainers.postgres import PostgresContainer

    postgres = PostgresContainer("postgres:18", username="postgres", password=PASSWORD)
    nats = DockerContainer("nats:2").with_command("-js").with_exposed_ports(4222)
    with postgres, nats:
        wait_for_logs(nats, "Server is ready")
        yield (
            f"postgresql://postgres:{PASSWORD}@{postgres.get_container_host_ip()}"
            f":{postgres.get_exposed_port(5432)}",
            f"nats://{nats.get_container_host_ip()}:{nats.get_exposed_port(4222)}",
        )
