"""JSON logs without personal data, also in lines of libraries (spec PF-7, PF-12).

The product's own lines are written as they are, since they contain ids and fixed words only. Lines
of libraries and texts of exceptions are reduced, since both often quote the value that failed.
"""

import json
import logging
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from opentelemetry import trace

from common.errors import DomainError

INFO = "INFO"
_FIELDS = frozenset(vars(logging.makeLogRecord({})))
_FRAMES = 12  # the innermost frames of a traceback that are logged
_OMITTED = "…"
log = logging.getLogger(__name__)


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON.

    The line has the time, level, logger, message, and trace id, the fields of `extra`, and the
    exception without its text. In a library's line, only arguments that are numbers are kept. If a
    library's line has no arguments, values may be part of the message already, so the line's place
    in the source code is logged in place of the message.
    """

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service
        self._ours = {"common", service.replace("-", "_")}

    def format(self, record: logging.LogRecord) -> str:
        ours = self._is_ours(record.name)
        entry: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
            + f".{int(record.msecs):03d}Z",
            "level": record.levelname,
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage() if ours else _bare(record),
        }
        if found := trace_id():
            entry["trace_id"] = found
        if ours:
            entry |= {k: v for k, v in vars(record).items() if k not in _FIELDS}
        if record.exc_info and (error := record.exc_info[1]):
            entry["exception"] = "\n".join(describe(error))
        return json.dumps(entry, default=str)

    def _is_ours(self, name: str) -> bool:
        """Return whether the product's own code logs under this name.

        The bare name of the application is Flask's own logger.
        """
        package, _, module = name.partition(".")
        return package in self._ours and bool(module)


def trace_id() -> str:
    """Return the id of the current trace, 32 hex digits; empty without a trace."""
    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else ""


def configure(service: str, level: str = INFO) -> None:
    """Log to standard output, from `level` on; from INFO on for libraries.

    Warnings, and exceptions that end a thread or the process, are logged too, since Python would
    print them to standard error.
    """
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter(service))
    lowest = logging.getLevelNamesMapping()[level.upper()]
    logging.basicConfig(level=max(lowest, logging.INFO), handlers=[handler], force=True)
    for package in ("common", service.replace("-", "_")):
        logging.getLogger(package).setLevel(lowest)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.raiseExceptions = False  # Python would print a line that fails, with its arguments
    warnings.showwarning = _log_warning  # type: ignore[assignment]  # other names of parameters
    sys.excepthook = _log_process_end
    threading.excepthook = _log_thread_end


def describe(error: BaseException) -> list[str]:
    """Return the lines that describe an exception and its causes.

    They contain types, error codes of the database, and source locations. Only a DomainError is
    quoted, since its text contains ids only.
    """
    return [line for one in _chain(error) for line in (_type_of(one), *_frames(one))]


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        hidden = current.__suppress_context__
        current = current.__cause__ or (None if hidden else current.__context__)


def _type_of(error: BaseException) -> str:
    kind = f"{type(error).__module__}.{type(error).__qualname__}"
    if isinstance(error, DomainError):
        return f"{kind}: {error.reason}: {error}"
    known = getattr(error, "diag", None)  # psycopg's
    words = (
        getattr(known, name, None)
        for name in ("sqlstate", "schema_name", "table_name", "column_name", "constraint_name")
    )
    return " ".join([kind, *filter(None, words)])


def _frames(error: BaseException) -> list[str]:
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    return [f"  {frame.filename}:{frame.lineno} {frame.name}" for frame in frames]


def _bare(record: logging.LogRecord) -> str:
    """Return the message of a library's record without its values."""
    if isinstance(record.args, tuple) and record.args and isinstance(record.msg, str):
        known = tuple(a if isinstance(a, int | float) else _OMITTED for a in record.args)
        try:
            return record.msg % known
        except (TypeError, ValueError):
            return record.msg
    return f"{record.funcName} at {Path(record.pathname).name}:{record.lineno}"


def _log_warning(
    _text: Warning | str,
    kind: type[Warning],
    file: str,
    line: int,
    _file: TextIO | None = None,
    _line: str | None = None,
) -> None:
    log.warning("%s at %s:%d", kind.__name__, file, line)


def _log_process_end(
    kind: type[BaseException], error: BaseException, at: TracebackType | None
) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        log.critical("the process ends", exc_info=(kind, error, at))


def _log_thread_end(ended: threading.ExceptHookArgs) -> None:
    if ended.exc_value is not None:
        log.critical("a thread ends", exc_info=ended.exc_value)
