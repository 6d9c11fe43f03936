"""Logs contain ids but no personal data, whoever writes them."""

import json
import logging
import subprocess
import sys
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from common.db.database import Database
from common.errors import Invalid
from common.logs import JsonFormatter

pytestmark = pytest.mark.req("PF-7", "PF-12")
SECRET = "Ottilie Vandermeer"
OURS, LIBRARY = "common.somewhere", "library.somewhere"


def line(
    logger: str, message: str, *arguments: Any, error: Exception | None = None, **extra: Any
) -> dict[str, Any]:
    """Return the log line that the service `sample` writes for a record."""
    record = logging.getLogger(logger).makeRecord(
        logger,
        logging.WARNING,
        "/usr/lib/library/somewhere.py",
        7,
        message,
        arguments,
        (type(error), error, error.__traceback__) if error else None,
        "work",
        extra,
    )
    written: dict[str, Any] = json.loads(JsonFormatter("sample").format(record))
    return written


def kinds(written: dict[str, Any]) -> list[str]:
    """Return the exceptions of a log line without their source locations."""
    return [told for told in written["exception"].splitlines() if not told.startswith("  ")]


def test_our_own_lines_are_told_in_full() -> None:
    written = line(OURS, "%s is ready", "this", notice="n-1")
    assert written.pop("time").endswith("Z")
    assert written == {
        "level": "WARNING",
        "service": "sample",
        "logger": OURS,
        "message": "this is ready",
        "notice": "n-1",
    }


@pytest.mark.parametrize(
    ("message", "arguments", "told"),
    [
        ("Error handling request %s", (f"/manage/{SECRET}",), "Error handling request …"),
        ("worker %d (%s) took %.1f s", (12, SECRET, 0.5), "worker 12 (…) took 0.5 s"),
        ("%(name)s", ({"name": SECRET},), "work at somewhere.py:7"),
        (f"Invalid request: {SECRET}", (), "work at somewhere.py:7"),
        ("too few %s %s", (SECRET,), "too few %s %s"),
    ],
)
def test_a_library_is_told_without_what_its_line_is_about(
    message: str, arguments: tuple[Any, ...], told: str
) -> None:
    written = line(LIBRARY, message, *arguments, about=SECRET)
    assert written.pop("time").endswith("Z")
    assert written == {
        "level": "WARNING",
        "service": "sample",
        "logger": LIBRARY,
        "message": told,
    }


def test_flasks_own_logger_bears_the_services_name_and_is_a_librarys() -> None:
    written = line("sample", f"Exception on /manage/{SECRET} [GET]")
    assert written["message"] == "work at somewhere.py:7"


def test_exceptions_are_told_by_type_and_place() -> None:
    def choke() -> None:
        try:
            int(SECRET)
        except ValueError as error:
            raise KeyError(SECRET) from error

    with pytest.raises(KeyError) as raised:
        choke()
    written = line(OURS, "failed", error=raised.value)
    assert SECRET not in json.dumps(written)
    assert kinds(written) == ["builtins.KeyError", "builtins.ValueError"]
    assert written["exception"].endswith(" choke")


def test_our_own_failures_are_quoted() -> None:
    written = line(OURS, "failed", error=Invalid("This is too long", field="note"))
    assert kinds(written) == ["common.errors.Invalid: INVALID: This is too long"]


def test_of_a_database_error_the_constraint_is_told(database: Database) -> None:
    """PostgreSQL's own message would quote the row."""
    insert = text("INSERT INTO idempotency SELECT :scope, 'x', '\\x00' FROM generate_series(1, 2)")
    with pytest.raises(IntegrityError, match=SECRET) as raised, database.transaction("") as session:
        session.execute(insert, {"scope": SECRET})
    written = line(OURS, "failed", error=raised.value)
    assert SECRET not in json.dumps(written)
    assert kinds(written) == [
        "sqlalchemy.exc.IntegrityError",
        "psycopg.errors.UniqueViolation 23505 public idempotency idempotency_pkey",
    ]


PROCESS = f"""
import logging, threading, warnings
import sqlalchemy
from common import logs

logs.configure("sample", "debug")
logging.getLogger("{OURS}").debug("ours")
logging.getLogger("{OURS}").info("%d", "{SECRET}")
logging.getLogger("{LIBRARY}").info("library's")
logging.getLogger("{LIBRARY}").debug("library's")
logging.getLogger("sqlalchemy.engine").info("statement")
warnings.warn("{SECRET}")
thread = threading.Thread(target=int, args=("{SECRET}",))
thread.start()
thread.join()
int("{SECRET}")
"""


def test_nothing_else_is_printed() -> None:
    """Libraries log from INFO on. Warnings, and exceptions that end a thread or the process, are
    logged too. A line that cannot be written is not printed either."""
    ran = subprocess.run(
        [sys.executable, "-c", PROCESS],
        env={},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [json.loads(written) for written in ran.stdout.splitlines()]
    assert (ran.returncode, ran.stderr, SECRET in ran.stdout) == (1, "", False)
    assert [written["message"] for written in lines] == [
        "ours",
        "<module> at <string>:9",
        "UserWarning at <string>:12",
        "a thread ends",
        "the process ends",
    ]
