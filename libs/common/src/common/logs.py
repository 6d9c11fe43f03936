"""JSON logs that carry ids only, whoever writes them (spec PF-7, PF-12).

Our own lines are trusted: they are made of ids and fixed words. What others put into theirs is not:
a library quotes what it choked on, and so does the text of nearly every exception.
"""

import json
import logging
import os
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

_FIELDS = frozenset(vars(logging.makeLogRecord({})))
_FRAMES = 12  # of a traceback, the innermost
_OMITTED = "…"
log = logging.getLogger(__name__)


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, trace id, what `extra` adds, and the
    exception without its text. Of a library's line the arguments are left out, but for numbers;
    where a line has none, they may have been worked in already, and its place stands for it."""

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
            entry["exception"] = "\n".join(described(error))
        return json.dumps(entry, default=str)

    def _is_ours(self, name: str) -> bool:
        """Flask's own logger bears the bare name of the application."""
        package, _, module = name.partition(".")
        return package in self._ours and bool(module)


def trace_id() -> str:
    """The trace being recorded, as 32 hex digits, or nothing."""
    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else ""


def configure(service: str) -> None:
    """Logs to standard output, at LOG_LEVEL; libraries are not heard below INFO. What would be
    printed to standard error is logged too: warnings, and what ends a thread or the process."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter(service))
    level = logging.getLevelNamesMapping().get(os.environ.get("LOG_LEVEL", "INFO").upper(), 20)
    logging.basicConfig(level=max(level, logging.INFO), handlers=[handler], force=True)
    for package in ("common", service.replace("-", "_")):
        logging.getLogger(package).setLevel(level)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.raiseExceptions = False  # a line that cannot be written would be printed, with all
    warnings.showwarning = _warned  # type: ignore[assignment]  # other names of parameters
    sys.excepthook = _process_ended
    threading.excepthook = _thread_ended


def described(error: BaseException) -> list[str]:
    """An exception and what led to it: types, what the database calls them, and places. Only our
    own failures are quoted, since they carry ids alone (`common.errors`)."""
    return [line for one in _chain(error) for line in (_named(one), *_places(one))]


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        hidden = current.__suppress_context__
        current = current.__cause__ or (None if hidden else current.__context__)


def _named(error: BaseException) -> str:
    kind = f"{type(error).__module__}.{type(error).__qualname__}"
    if isinstance(error, DomainError):
        return f"{kind}: {error.reason}: {error}"
    known = getattr(error, "diag", None)  # psycopg's
    words = (
        getattr(known, name, None)
        for name in ("sqlstate", "schema_name", "table_name", "column_name", "constraint_name")
    )
    return " ".join([kind, *filter(None, words)])


def _places(error: BaseException) -> list[str]:
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    return [f"  {frame.filename}:{frame.lineno} {frame.name}" for frame in frames]


def _bare(record: logging.LogRecord) -> str:
    """A library's line without what it is about."""
    if isinstance(record.args, tuple) and record.args and isinstance(record.msg, str):
        known = tuple(a if isinstance(a, int | float) else _OMITTED for a in record.args)
        try:
            return record.msg % known
        except (TypeError, ValueError):
            return record.msg
    return f"{record.funcName} at {Path(record.pathname).name}:{record.lineno}"


def _warned(
    _text: Warning | str,
    kind: type[Warning],
    file: str,
    line: int,
    _file: TextIO | None = None,
    _line: str | None = None,
) -> None:
    log.warning("%s at %s:%d", kind.__name__, file, line)


def _process_ended(
    kind: type[BaseException], error: BaseException, at: TracebackType | None
) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        log.critical("the process ends", exc_info=(kind, error, at))


def _thread_ended(ended: threading.ExceptHookArgs) -> None:
    if ended.exc_value is not None:
        log.critical("a thread ends", exc_info=ended.exc_value)
