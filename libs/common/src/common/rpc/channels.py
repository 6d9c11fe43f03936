"""Channels to other services: round robin, deadlines, retries of UNAVAILABLE only, the caller's
identity, origin and trace passed along, failures raised as the DomainError they were
(spec PF-13)."""

import json
import logging
import secrets
import time
from collections.abc import Callable
from typing import Any

import grpc
from google.rpc import error_details_pb2, status_pb2

from common import telemetry
from common.errors import KINDS, DeadlineExceeded, DomainError, Unavailable
from common.resilience import deadline
from common.resilience.bulkhead import TURN, Bulkhead
from common.rpc import identity, request_context

log = logging.getLogger(__name__)

MOST = 12
"""Calls to one service at once, of a process with 16 threads."""
# What our servers answer carries an ErrorInfo. Without one: a server that has all it can do, a
# connection that broke in the middle of a call, a process that is ending.
_OF_GRPC = (
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.INTERNAL,
)
_SILENCE = 0.5  # seconds without an answer after which a service counts as silent

_SERVICE_CONFIG = json.dumps(
    {
        "loadBalancingConfig": [{"round_robin": {}}],
        "methodConfig": [
            {
                "name": [{}],
                "retryPolicy": {
                    "maxAttempts": 3,
                    "initialBackoff": "0.05s",
                    "maxBackoff": "0.5s",
                    "backoffMultiplier": 2,
                    # Safe: what must not be done twice carries a request_id (`_named`).
                    # DEADLINE_EXCEEDED is never retried.
                    "retryableStatusCodes": ["UNAVAILABLE"],
                },
            }
        ],
    }
)

OPTIONS = [  # channels to one target with the same options share their connections
    ("grpc.service_config", _SERVICE_CONFIG),
    # A process that hangs keeps its connections: ten seconds later its calls go elsewhere.
    ("grpc.keepalive_time_ms", 5_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.http2.ping_timeout_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.min_reconnect_backoff_ms", 2_000),  # to connect in
    ("grpc.max_receive_message_length", 8 * 1024 * 1024),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2_000),
]


def channel(
    target: str,
    signer: identity.Signer,
    timeout: float = deadline.CALL,
    most: int = MOST,
    turn: float = TURN,
) -> grpc.Channel:
    """A channel to `dns:///host:port`, signed as the caller in context, else as this service.

    `most` are the calls that it carries at once, so that this service, when it is slow, does not
    have all threads of the process waiting for it; others wait `turn` seconds at most.
    """
    plain = grpc.insecure_channel(target, options=OPTIONS)
    limit = Bulkhead(most, turn=turn)
    return grpc.intercept_channel(plain, _Interceptor(signer, timeout, limit))


class _Interceptor(grpc.UnaryUnaryClientInterceptor):
    def __init__(self, signer: identity.Signer, timeout: float, bulkhead: Bulkhead) -> None:
        self._signer = signer
        self._timeout = timeout
        self._bulkhead = bulkhead

    def intercept_unary_unary(
        self, continuation: Callable[..., Any], details: Any, request: Any
    ) -> Any:
        headers: dict[str, str] = {}
        method = details.method.lstrip("/")
        with telemetry.client_span(method) as span, self._bulkhead.place():
            telemetry.inject(headers)
            headers[identity.METADATA] = self._signer.for_call()
            if told := request_context.told():
                headers[request_context.METADATA] = told
            began, timeout = time.monotonic(), deadline.remaining(self._timeout)
            call = continuation(
                _Details(
                    details.method,
                    timeout,
                    [*(details.metadata or ()), *headers.items()],
                    details.wait_for_ready,
                ),
                _named(request),
            )
            try:
                call.result()
            except grpc.RpcError as error:
                self._judge(error, began, timeout)
                failure = to_domain(error)
                telemetry.fail(span, failure.reason)
                raise failure from None
            self._bulkhead.answered()
            return call

    def _judge(self, error: grpc.RpcError, began: float, timeout: float) -> None:
        """Whether the service was silent; a call that came with hardly any time does not tell."""
        if error.code() != grpc.StatusCode.DEADLINE_EXCEEDED:
            self._bulkhead.answered()
        elif timeout >= _SILENCE:
            self._bulkhead.silent(began)


def _named(request: Any) -> Any:
    """A request that must not be done twice has a request_id, also where its caller gave none:
    after a connection broke nobody knows whether it was done, and gRPC asks once more."""
    if "request_id" not in request.DESCRIPTOR.fields_by_name or request.request_id:
        return request
    named = type(request)()
    named.CopyFrom(request)
    named.request_id = secrets.token_urlsafe(24)
    return named


class _Details(grpc.ClientCallDetails):
    def __init__(self, method: str, timeout: float, metadata: Any, wait_for_ready: Any) -> None:
        self.method = method
        self.timeout = timeout
        self.metadata = metadata
        self.credentials = None
        self.wait_for_ready = wait_for_ready
        self.compression = None


def to_domain(error: grpc.RpcError) -> DomainError:
    """The DomainError that the server raised."""
    code: grpc.StatusCode = error.code()
    if code == grpc.StatusCode.DEADLINE_EXCEEDED:
        return DeadlineExceeded()
    if code == grpc.StatusCode.CANCELLED:
        return Unavailable()
    kind = KINDS.get(code, DomainError)
    info = _error_info(error)
    if info is None and code in _OF_GRPC:
        log.warning("gRPC itself ended a call: %s", code.name)
        return Unavailable()
    if info is None:
        return kind() if kind is not DomainError else DomainError("Something went wrong")
    details = dict(info.metadata)
    message: str = error.details() or ""
    return kind(message, field=details.pop("field", ""), reason=info.reason, **details)


def _error_info(error: Any) -> error_details_pb2.ErrorInfo | None:
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            for detail in status_pb2.Status.FromString(value).details:
                info = error_details_pb2.ErrorInfo()
                if detail.Unpack(info):
                    return info
    return None


__all__ = ["MOST", "OPTIONS", "channel", "to_domain"]
