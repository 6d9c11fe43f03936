"""Sessions on a service's own database: deadline and practice reach every statement."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Final
from uuid import UUID

from sqlalchemy import Engine, MetaData, create_engine, text
from sqlalchemy.orm import DeclarativeBase, Session

from common import deadline, telemetry

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

EVERY_PRACTICE: Final = "*"
"""For the few questions asked before the practice is known (a public username, a link), and for
work that belongs to none."""

_BEGIN = text(
    "SELECT set_config('attune.practice', :practice, true),"
    " set_config('statement_timeout', :timeout, true)"
)


def metadata() -> MetaData:
    """Fresh metadata with the naming of constraints; each service's Base has its own."""
    return MetaData(naming_convention=NAMING)


class Database:
    """One service's database."""

    def __init__(self, url: str, pool_size: int = 16) -> None:
        self.engine: Engine = create_engine(
            url.replace("postgres://", "postgresql://", 1).replace(
                "postgresql://", "postgresql+psycopg://", 1
            ),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=2,
            pool_use_lifo=True,
            hide_parameters=True,  # they may be personal data; they must not reach a log
            connect_args={"connect_timeout": 3},
        )
        telemetry.trace_statements(self.engine)
        self.after_emit: Callable[[], None] = lambda: None
        self.after_schedule: Callable[[], None] = lambda: None

    @contextlib.contextmanager
    def transaction(self, practice: UUID | str) -> Iterator[Session]:
        """A transaction that sees and writes the rows of one practice only, and whose statements
        end with the call's deadline. Commits unless the block raises."""
        with Session(self.engine, expire_on_commit=False) as session:
            with session.begin():
                timeout = int(deadline.remaining() * 1000)
                session.execute(_BEGIN, {"practice": str(practice), "timeout": f"{timeout}ms"})
                yield session
            if session.info.get("emitted"):
                self.after_emit()
            if session.info.get("scheduled"):
                self.after_schedule()

    def ping(self) -> None:
        """Raises if the database does not answer."""
        with self.engine.connect() as connection:
            connection.execute(text("SELECT 1"))

    def close(self) -> None:
        self.engine.dispose()


__all__ = ["EVERY_PRACTICE", "Database", "DeclarativeBase", "metadata"]
