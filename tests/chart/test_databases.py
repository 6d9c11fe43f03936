"""The databases and keys that the chart makes, with a real PostgreSQL."""

import base64
import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner

from attune_local.servers import Postgres, free_port
from attune_operator.main import main
from common import audit
from common.db import encryption, migrations, schema
from common.rpc import identity
from common.services import GATEWAY, OPERATOR, SERVICES, package
from tests.chart.conftest import Render
from tests.chart.tools.helm import NAMESPACE, RELEASE, Document
from tests.chart.tools.objects import of_kind

pytestmark = pytest.mark.req("PF-14")

EVERY = (*SERVICES, GATEWAY)
PASSWORD = "development"


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """A server of its own, since the databases have the names of an installation."""
    with tempfile.TemporaryDirectory(prefix="attune-chart-") as folder:
        Path(folder).chmod(0o755)
        started = Postgres(Path(folder) / "postgres", free_port(), PASSWORD)
        started.start()
        yield started
        started.stop()


@pytest.fixture
def execute(server: Postgres) -> Iterator[Callable[[str], None]]:
    """Return a function that executes a statement as the superuser; then remove all databases."""
    with psycopg.connect(f"{server.url}/postgres", autocommit=True) as connection:

        def run(statement: str) -> None:
            connection.execute(statement.encode())

        yield run
        for name in map(package, EVERY):
            run(f"DROP DATABASE {name} WITH (FORCE)")
            run(f"DROP ROLE {name}")
            run(f"DROP ROLE {name}_owner")


def texts(documents: tuple[Document, ...], name: str) -> dict[str, str]:
    """Return the entries of the Secret with this name."""
    (found,) = (d for d in of_kind(documents, "Secret") if d["metadata"]["name"] == name)
    entries: dict[str, str] = found["stringData"]
    return entries


def check(server: Postgres, url: Callable[[str, str], str]) -> None:
    """Migrate a database as its owner, and see who may connect to what.

    `url` returns the URL of a service's database: `url("booking", "-owner")` that of the owner.
    """
    owner, own = url("billing", "-owner"), url("billing", "")
    assert migrations.migrate("billing", owner, "billing") == schema.newest("billing")
    audit.seal_genesis(owner, audit.Chain("billing"))
    with psycopg.connect(own) as connection:
        assert connection.execute("SELECT count(*) FROM billables").fetchone() == (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE TABLE mine (id int)")
    for service in EVERY:
        psycopg.connect(url(service, "")).close()
        psycopg.connect(url(service, "-owner")).close()
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(f"{own.removesuffix('billing')}booking")


def test_the_development_postgres_has_what_services_expect(
    render: Render, server: Postgres, execute: object
) -> None:
    documents = render("dev")
    (script,) = (
        d["data"]["databases.sh"]
        for d in of_kind(documents, "ConfigMap")
        if "databases.sh" in d["data"]
    )
    env = os.environ | {
        "PATH": f"{server._bin}:{os.environ['PATH']}",
        "PGHOST": "127.0.0.1",
        "PGPORT": str(server.port),
        "PGPASSWORD": PASSWORD,
        "POSTGRES_PASSWORD": PASSWORD,
    }
    subprocess.run(["/bin/sh", "-c", script], env=env, check=True, stdout=subprocess.DEVNULL)

    def url(service: str, suffix: str) -> str:
        text = texts(documents, f"attune-{service}-database{suffix}")["uri"]
        host = f"{RELEASE}-postgres.{NAMESPACE}.svc.cluster.local:5432"
        assert host in text
        return text.replace(host, f"127.0.0.1:{server.port}")

    check(server, url)


def test_a_cluster_of_cloudnativepg_has_what_services_expect(
    render: Render, server: Postgres, execute: Callable[[str], None]
) -> None:
    (cluster,) = of_kind(render("cnpg"), "Cluster")
    statements = cluster["spec"]["bootstrap"]["initdb"]["postInitSQL"]
    for statement in statements:
        execute(statement)
    roles = cluster["spec"]["managed"]["roles"]
    for role in roles:  # the operator's part: the password of each role
        execute(f"ALTER ROLE {role['name']} PASSWORD '{PASSWORD}'")
    secrets = {role["name"]: role["passwordSecret"]["name"] for role in roles}

    def url(service: str, suffix: str) -> str:
        name = package(service)
        role = f"{name}_owner" if suffix else name
        assert secrets[role] == f"attune-{service}-database{suffix}"
        return f"postgresql://{role}:{PASSWORD}@127.0.0.1:{server.port}/{name}"

    check(server, url)


def test_new_keys_are_those_that_the_chart_mounts(render: Render) -> None:
    """`attune keys kubernetes` makes every Secret but those of databases and NATS."""
    command = ["keys", "kubernetes", "--smtp-url", "smtps://mail.example.com"]
    made = json.loads(CliRunner().invoke(main, command).stdout)
    check_keys(tuple(made["items"]))
    entries = {secret["metadata"]["name"]: set(secret["stringData"]) for secret in made["items"]}
    wanted: dict[str, set[str]] = {}
    for document in of_kind(render("prod"), "ExternalSecret"):
        keys = {entry["secretKey"] for entry in document["spec"]["data"]}
        wanted[document["spec"]["target"]["name"]] = keys
    assert entries == {
        name: keys for name, keys in wanted.items() if not keys <= {"uri", "url", "ca.crt"}
    }


def test_the_development_keys_belong_together(render: Render) -> None:
    check_keys(render("dev"))


def check_keys(documents: tuple[Document, ...]) -> None:
    """Sign as each issuer, verify with the shared keys, and read every key ring."""
    shared = texts(documents, "attune-shared")
    verifier = identity.Verifier(shared["identity-keys"])
    for issuer in (*EVERY, OPERATOR):
        own = texts(documents, f"attune-{issuer}")
        signed = identity.Signer(issuer, own["identity-key"]).sign(
            identity.Identity(f"service:{issuer}")
        )
        assert verifier.verify(signed).subject == f"service:{issuer}"
        if issuer != OPERATOR:
            ring = encryption.KeyRing(own["encryption-keys"], shared["blind-index-key"])
            assert ring is not None
            assert len(base64.b64decode(own["encryption-keys"].partition(":")[2])) == 32
    assert len(texts(documents, "attune-gateway")["session-key"]) >= 32
