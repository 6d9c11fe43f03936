"""A PgBouncer in transaction mode with TLS, from the system or from Debian's packages."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg.rows import dict_row
from sqlalchemy import make_url

from attune_local.servers import free_port, spawn, stop
from attune_testing.certificates import Authority
from attune_testing.waiting import until
from common.rpc import tls
from tests import debian

_UNPACKED = Path(__file__).parents[1] / "build" / "pgbouncer"
_PACKAGES = ("pgbouncer", "libc-ares2", "libevent-2.1-7")
_HOST = "127.0.0.1"
_CONNECTIONS = 10  # to one database, which all clients take turns to use


class NotInstalled(Exception):
    """There is no PgBouncer, and none can be had from Debian; the text says why."""


def program() -> list[str]:
    """Return the beginning of a command line that runs PgBouncer. Raises NotInstalled."""
    if found := shutil.which("pgbouncer"):
        return [found]
    unpacked = _UNPACKED / "usr/sbin/pgbouncer"
    if not unpacked.exists():
        _unpack()
    libraries = ":".join(str(folder) for folder in (_UNPACKED / "usr/lib").glob("*-linux-gnu"))
    return ["env", f"LD_LIBRARY_PATH={libraries}", str(unpacked)]


def _unpack() -> None:
    """Download the packages and unpack them, without installing anything."""
    folder = _UNPACKED.with_suffix(".new")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        debian.unpack(folder, *_PACKAGES)
    except (OSError, subprocess.SubprocessError) as error:
        raise NotInstalled(
            f"PgBouncer is not installed, nor can apt-get get it: {error}"
        ) from error
    folder.rename(_UNPACKED)


@contextmanager
def pgbouncer(folder: Path, superuser_url: str) -> Iterator["PgBouncer"]:
    """Run PgBouncer in front of a server during the block. Raises NotInstalled."""
    command = program()
    server = make_url(superuser_url)
    port = free_port()
    certificates = Authority().issue(folder / "tls", _HOST)
    settings = {
        "listen_addr": _HOST,
        "listen_port": port,
        "unix_socket_dir": "",
        "pool_mode": "transaction",
        "default_pool_size": _CONNECTIONS,
        "max_client_conn": 500,
        # It asks the server for the password of a role.
        "auth_type": "scram-sha-256",
        "auth_file": folder / "users",
        "auth_user": "postgres",
        "auth_query": "SELECT usename, passwd FROM pg_shadow WHERE usename = $1",
        "admin_users": "postgres",
        "client_tls_sslmode": "require",
        "client_tls_cert_file": certificates / tls.CERTIFICATE,
        "client_tls_key_file": certificates / tls.KEY,
        "log_connections": 0,
        "log_disconnections": 0,
    }
    lines = [f"{name} = {value}" for name, value in settings.items()]
    databases = ["[databases]", f"* = host={_HOST} port={server.port}"]
    configuration = folder / "pgbouncer.ini"
    configuration.write_text("\n".join([*databases, "[pgbouncer]", *lines, ""]))
    (folder / "users").write_text(f'"postgres" "{server.password}"\n')
    user = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None  # it refuses to be root
    if user is not None:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, user, -1)
    with (folder / "log").open("wb") as log:
        process = spawn([*command, configuration], output=log, user=user)
    run = PgBouncer(port, str(server.password), certificates / tls.AUTHORITIES)
    try:
        until(lambda: run.answers() or process.poll() is not None)
        assert process.poll() is None, (folder / "log").read_text()
        yield run
    finally:
        stop(process, 2, 10)


class PgBouncer:
    """A running PgBouncer."""

    def __init__(self, port: int, password: str, authorities: Path) -> None:
        query = f"sslmode=verify-full&sslrootcert={authorities}"
        self.admin = f"postgresql://postgres:{password}@{_HOST}:{port}/pgbouncer?{query}"
        """The URL of its console."""
        self.address = f"postgresql://{_HOST}:{port}/?{query}"
        """Its URL without role and database."""

    def answers(self) -> bool:
        """Return whether it can be reached."""
        try:
            return bool(self.transactions() >= 0)
        except psycopg.OperationalError:
            return False

    def transactions(self) -> int:
        """Return the number of transactions that went through it."""
        with psycopg.connect(self.admin, autocommit=True, row_factory=dict_row) as connection:
            # Its console knows simple queries only.
            rows = psycopg.ClientCursor(connection, row_factory=dict_row).execute("SHOW STATS")
            return sum(row["total_xact_count"] for row in rows)
