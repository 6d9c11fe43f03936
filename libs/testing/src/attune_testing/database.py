"""Migrated databases for tests."""

import os

from sqlalchemy import make_url

from attune_local.stack import make_database
from attune_testing.servers import PASSWORD, POOLER, POSTGRES
from common import audit, ids
from common.db import migrations
from common.db.database import Database


def new_database(package: str, worker_id: str) -> Database:
    """Create and migrate a new database of a service, and connect as the service's role."""
    name = f"test_{package}_{worker_id}_{ids.new().hex[:8]}"
    server = os.environ[POSTGRES]
    make_database(server, name, PASSWORD)
    host = server.rpartition("@")[2]
    owner = f"postgresql://{name}_owner:{PASSWORD}@{host}/{name}"
    migrations.migrate(package, owner, name)
    service = package.replace("_", "-")
    audit.seal_genesis(owner, audit.Chain(service))
    own = make_url(os.environ.get(POOLER) or server).set(
        username=name, password=PASSWORD, database=name
    )
    return Database(own.render_as_string(hide_password=False), 80, service=service)
