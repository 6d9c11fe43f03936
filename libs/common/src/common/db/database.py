"""Sessions on a service's own database, limited by practice and deadline."""

import contextlib
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg.errors import (
    ConnectionTimeout,
    QueryCanceled,
    _WaitTimeout,  # how `wait` gives up
)
from sqlalchemy import Engine, MetaData, create_engine, event, text
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import DeclarativeBase, Session

from common import telemetry
from common.clock import Clock, SystemClock
from common.errors import DeadlineExceeded, Unavailable
from common.resilience import deadline
from common.resilience.bulkhead import MAX_WAIT, Bulkhead

log = logging.getLogger(__name__)

EVERY_PRACTICE: Final = "*"
"""In place of a practice: for queries before the practice is known (by a public username, by a
link), and for work that belongs to no practice."""

_AFTER_COMMIT = "after_commit"
_CONNECT = 2  # seconds
# A process that hangs in a transaction must not keep its locks forever.
_OPTIONS = "-c idle_in_transaction_session_timeout=60s"
_SHARE = 0.7  # of the time left for the call; the rest is for answering its caller
_GRACE = 0.5  # seconds that the server may take to end a statement whose time is up

# Beginnings of SQLSTATE for: the connection broke, the server shuts down or starts, it has no
# room, it gave up waiting for this process.
_AWAY = ("08", "57P", "53", "25P03")

_BEGIN = text(
    "SELECT set_config('attune.practice', :practice, true),"
    " set_config('statement_timeout', :timeout, true)"
)
_CONFINE = text("SELECT set_config('attune.practice', :practice, true)")

SHARED = MetaData()
"""The tables that every service has: outbox, inbox, due, idempotency, audit, audit_head."""


class Database:
    """One service's database.

    `service` and `clock` are for the audit trail. `patience` limits the seconds of a statement,
    however much time is left for the call. `max_wait` limits the seconds that a transaction waits
    for a connection while all are in use.

    A statement is given up half a second after its time if the server stays silent. From then on
    one transaction a second tries the server, and all others raise Unavailable at once.
    """

    def __init__(
        self,
        url: str,
        pool_size: int = 16,
        *,
        service: str = "",
        clock: Clock | None = None,
        patience: float = deadline.LONGEST,
        max_wait: float = MAX_WAIT,
    ) -> None:
        self.service = service
        self.clock = clock or SystemClock()
        self.engine: Engine = create_engine(
            url.replace("postgres://", "postgresql://", 1).replace(
                "postgresql://", "postgresql+psycopg://", 1
            ),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=2,
            pool_use_lifo=True,
            hide_parameters=True,  # personal data must not reach a log
            connect_args={"connect_timeout": _CONNECT, "options": _OPTIONS},
        )
        event.listen(self.engine, "do_connect", self._connect)
        self._patience = patience
        self._bulkhead = Bulkhead(pool_size, max_wait=max_wait)
        telemetry.trace_statements(self.engine)
        self._listeners: defaultdict[str, list[Callable[[], None]]] = defaultdict(list)

    @contextlib.contextmanager
    def transaction(
        self, practice: UUID | str, *, patience: float | None = None
    ) -> Iterator[Session]:
        """Open a transaction on the rows of one practice, and commit unless the block raises.

        Statements end with the deadline of the current call; `patience` is for work on whole
        tables, and takes the place of the database's. Raises Unavailable if the database
        was unreachable or the connection broke: the transaction did not commit, so the caller may
        retry it. Raises DeadlineExceeded if a statement took longer than the time left.
        """
        info = {"database": self, "practice": str(practice)}
        with (
            _translated(),
            self._permit(),
            Session(self.engine, expire_on_commit=False, info=info) as session,
        ):
            self._begin(session, practice, patience or self._patience)
            self._bulkhead.answered()
            with _patient(session, patience or self._patience):
                yield session
                session.commit()
            for call in session.info.get(_AFTER_COMMIT, {}).values():
                call()

    def _begin(self, session: Session, practice: UUID | str, patience: float) -> None:
        timeout = int(_time(patience) * 1000)
        values = {"practice": str(practice), "timeout": f"{timeout}ms"}
        try:
            session.execute(_BEGIN, values)
        except OperationalError as error:
            if not error.connection_invalidated or isinstance(error.orig, ConnectionTimeout):
                raise
            # The connection broke while it was idle in the pool; nothing has been lost.
            session.rollback()
            session.execute(_BEGIN, values)

    @contextlib.contextmanager
    def _permit(self) -> Iterator[None]:
        with self._bulkhead.permit():
            began = time.monotonic()
            try:
                yield
            except OperationalError as error:
                if isinstance(error.orig, ConnectionTimeout):
                    self._bulkhead.silent(began)
                raise

    def _connect(self, _dialect: object, _record: object, _args: object, wanted: Any) -> object:
        connection = _Connection.connect(**wanted)
        connection.patience = self._patience
        return connection

    def listen(self, table: str, call: Callable[[], None]) -> None:
        """Run `call` whenever a commit leaves work in a table: `outbox`, `due`, `audit`."""
        self._listeners[table].append(call)

    def notify(self, table: str) -> None:
        """Tell the listeners of a table that there is work."""
        for call in self._listeners[table]:
            call()

    def ping(self) -> None:
        """Raise Unavailable if the database does not answer."""
        with _translated(), self.engine.connect() as connection:
            connection.execute(text("SELECT 1"))
            connection.commit()  # after a rollback psycopg drops all prepared statements

    def report_usage(self) -> None:
        """Send the share of this process's connections that are in use at each export."""
        telemetry.gauge(
            "attune.db.pool.usage",
            "1",
            "Share of the database connections of a process that are in use",
            lambda: self._bulkhead.usage,
        )

    def close(self) -> None:
        self.engine.dispose()


def after_commit(session: Session, call: Callable[[], None]) -> None:
    """Run `call` after the session's transaction has committed; never if it rolls back.

    A call that is given twice runs once.
    """
    session.info.setdefault(_AFTER_COMMIT, {})[call] = call


def wake(session: Session, table: str) -> None:
    """Tell the listeners of a table (`Database.listen`) after the commit that there is work."""
    database: Database = session.info["database"]
    session.info.setdefault(_AFTER_COMMIT, {})[table] = partial(database.notify, table)


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Raise failures of the database as DeadlineExceeded or Unavailable."""
    try:
        yield
    except SQLAlchemyError as error:
        if isinstance(error, OperationalError) and isinstance(error.orig, QueryCanceled):
            raise DeadlineExceeded from error
        if _is_away(error):
            log.warning("the database is unreachable (%s)", type(error).__name__)
            raise Unavailable from error
        raise


def _is_away(error: SQLAlchemyError) -> bool:
    """Return whether the error means that the database was unreachable."""
    if isinstance(error, OperationalError | InternalError) and isinstance(
        error.orig, psycopg.Error
    ):
        state = error.orig.sqlstate
        return state is None or state.startswith(_AWAY)
    return isinstance(error, OperationalError | InterfaceError | PoolTimeout)


def _time(patience: float) -> float:
    """Return the seconds that a statement may take."""
    return max(0.01, _SHARE * deadline.remaining(patience))


class _Connection(psycopg.Connection[Any]):
    """A connection that gives up a server which stays silent beyond `statement_timeout`."""

    patience = deadline.LONGEST

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Wait for the server. Raises ConnectionTimeout, and closes the connection, if in vain."""
        limit = timeout or _time(self.patience) + _GRACE
        try:
            return super().wait(gen, interval, limit)
        except _WaitTimeout:
            if timeout:
                raise
            self.pgconn.finish()  # without asking the server
            raise ConnectionTimeout("the server does not answer") from None


@contextlib.contextmanager
def _patient(session: Session, patience: float) -> Iterator[None]:
    """Let the session's connection wait for statements as long as the server may take for them."""
    connection = session.connection().connection.driver_connection
    if not isinstance(connection, _Connection):
        raise TypeError("a connection that this module has not made")
    before, connection.patience = connection.patience, patience
    try:
        yield
    finally:
        connection.patience = before


def confine(session: Session, practice: UUID) -> None:
    """Restrict a transaction of every practice to one practice for the rest of the transaction."""
    session.execute(_CONFINE, {"practice": str(practice)})
    session.info["practice"] = str(practice)


__all__ = [
    "EVERY_PRACTICE",
    "SHARED",
    "Database",
    "DeclarativeBase",
    "after_commit",
    "confine",
    "wake",
]
