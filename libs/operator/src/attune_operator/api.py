"""A client of the public API, for commands that use Attune as other programs do."""

import contextlib
import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

_LATER = frozenset({429, 503, 504})
"""The statuses that ask to come back later."""
_PAUSE = 1.0  # seconds before the next attempt, unless a response names them
_LONGEST_CALL = 15.0  # seconds; a gateway answers within 10


class ApiError(Exception):
    """A request that failed; the text says how, without the content of either side."""

    def __init__(self, message: str, status: int = 0, reason: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


@dataclass
class Api:
    """A gateway that may be slow or away for moments, until `seconds` from now have passed.

    A request is repeated while there is time and the gateway does not answer or asks to come back
    later. Writes need an idempotency key, so that a repeated one acts once.
    """

    url: str
    seconds: float
    retries: int = 0
    """The number of repeated requests so far."""
    _end: float = field(init=False)

    def __post_init__(self) -> None:
        self.url = self.url.rstrip("/")
        self._end = time.monotonic() + self.seconds

    def get(
        self,
        path: str,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Any:
        """Return the content of the response to a GET. Raises ApiError."""
        return self.call("GET", f"{path}?{urlencode(query)}" if query else path, headers=headers)

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Send a request until it succeeds, fails for good, or the time is over.

        Returns the content of the response, None if it is empty. Raises ApiError.
        """
        while True:
            try:
                return self._send(method, path, body, headers or {})
            except urllib.error.HTTPError as response:
                failure, wait = _failure(response)
            except (OSError, http.client.HTTPException) as error:
                failure, wait = ApiError(f"no answer ({_name(error)})"), _PAUSE
            if wait is None or time.monotonic() + wait >= self._end:
                raise failure from None
            time.sleep(wait)
            self.retries += 1

    def _send(self, method: str, path: str, body: Any, headers: Mapping[str, str]) -> Any:
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310  # the operator names the address
            f"{self.url}{path}", content, dict(headers), method=method
        )
        request.add_header("Accept", "application/json")
        if content is not None:
            request.add_header("Content-Type", "application/json")
        seconds = max(1.0, min(_LONGEST_CALL, self._end - time.monotonic()))
        with urllib.request.urlopen(request, timeout=seconds) as response:  # noqa: S310
            answer = response.read()
        try:
            return json.loads(answer) if answer else None
        except ValueError:
            raise ApiError("the response is not JSON; is this the address of Attune?") from None


def _failure(response: urllib.error.HTTPError) -> tuple[ApiError, float | None]:
    """Return what went wrong, and the seconds until another attempt makes sense, if it does."""
    problem: Any = {}
    with contextlib.suppress(ValueError, OSError, http.client.HTTPException):
        problem = json.loads(response.read())
    if not isinstance(problem, dict):
        problem = {}
    reason, trace = str(problem.get("reason", "")), str(problem.get("trace_id", ""))
    text = " ".join(filter(None, [str(response.code), reason]))
    error = ApiError(f"{text} (trace {trace})" if trace else text, response.code, reason)
    if response.code not in _LATER:
        return error, None
    named = response.headers.get("Retry-After", "")
    return error, float(named) if named.isdecimal() else _PAUSE


def _name(error: BaseException) -> str:
    """Return the type of an error, or of the one that it wraps; its text might quote anything."""
    cause = getattr(error, "reason", None)
    return type(cause if isinstance(cause, BaseException) else error).__name__
