"""Channels to other services (spec PF-13).

A channel balances calls by round robin, sets deadlines, retries UNAVAILABLE only, passes the
caller's identity, request context, and trace along, and raises a failure as the DomainError that
the other service raised.
"""

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
from common.resilience.bulkhead import MAX_WAIT, Bulkhead
from common.rpc import identity, request_context, tls

log = logging.getLogger(__name__)

MOST = 12
"""Concurrent calls to one service from a process with 16 threads."""
# Our servers' errors carry an ErrorInfo. One of these codes without an ErrorInfo means an
# overloaded server, a connection that broke during the call, or a process that is ending.
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
                    # Together they wait about as long as it takes to find a replica that has
                    # started again, while the last other one ends.
                    "maxAttempts": 4,
                    "initialBackoff": "0.05s",
                    "maxBackoff": "0.5s",
                    "backoffMultiplier": 2,
                    # Safe: a request that must take effect once has a request_id
                    # (`_with_request_id`). DEADLINE_EXCEEDED is never retried.
                    "retryableStatusCodes": ["UNAVAILABLE"],
                },
            }
        ],
    }
)

# Channels to one target with the same options share their connections.
OPTIONS: list[tuple[str, str | int]] = [
    ("grpc.service_config", _SERVICE_CONFIG),
    # A process that hangs keeps its connections open; after ten seconds, calls go elsewhere.
    ("grpc.keepalive_time_ms", 5_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.http2.ping_timeout_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.min_reconnect_backoff_ms", 2_000),  # the time that connecting may take
    ("grpc.max_receive_message_length", 8 * 1024 * 1024),
    # A replica that starts again, at its old address or at a new one, is found soon: during a
    # rolling restart, the next one ends already.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 300),
    ("grpc.dns_min_time_between_resolutions_ms", 100),
]


def channel(
    target: str,
    signer: identity.Signer,
    timeout: float = deadline.CALL,
    most: int = MOST,
    max_wait: float = MAX_WAIT,
    certificates: tls.Certificates | None = None,
) -> grpc.Channel:
    """Return a channel to `target`, such as `dns:///host:port`.

    Calls carry the current caller's identity, or that of this service if there is no caller. They
    end after `timeout` seconds, or earlier with the current call's deadline. At most `most` calls
    run at once, so that a slow service cannot occupy all threads; further calls wait for up to
    `max_wait` seconds. With `certificates` they use mutual TLS.
    """
    bulkhead = Bulkhead(most, max_wait=max_wait)
    return grpc.intercept_channel(
        connection(target, certificates), _Interceptor(signer, timeout, bulkhead)
    )


def connection(target: str, certificates: tls.Certificates | None = None) -> grpc.Channel:
    """Return a channel to `target` whose calls are sent as they are, without an identity.

    With `certificates`, the server's certificate must name the host of `target`. Channels to one
    target share their connections.
    """
    if certificates is None:
        return grpc.insecure_channel(target, options=OPTIONS)
    options = OPTIONS
    if target.startswith(("ipv4:", "ipv6:")):  # gRPC would look for all addresses as one name
        host = target.partition(":")[2].split(",")[0].rpartition(":")[0].strip("[]")
        options = [*OPTIONS, ("grpc.default_authority", host)]
    return tls.RenewingChannel(
        certificates, lambda credentials: grpc.secure_channel(target, credentials, options)
    )


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
        with telemetry.client_span(method) as span, self._bulkhead.permit():
            telemetry.inject(headers)
            headers[identity.METADATA] = self._signer.for_call()
            if context := request_context.to_metadata():
                headers[request_context.METADATA] = context
            began, timeout = time.monotonic(), deadline.remaining(self._timeout)
            call = continuation(
                _Details(
                    details.method,
                    timeout,
                    [*(details.metadata or ()), *headers.items()],
                    details.wait_for_ready,
                ),
                _with_request_id(request),
            )
            try:
                call.result()
            except grpc.RpcError as error:
                self._note_silence(error, began, timeout)
                failure = to_domain(error)
                telemetry.fail(span, failure.reason)
                raise failure from None
            self._bulkhead.answered()
            return call

    def _note_silence(self, error: grpc.RpcError, began: float, timeout: float) -> None:
        """Tell the bulkhead whether the service was silent during a failed call.

        A timeout shorter than _SILENCE is no sign of silence.
        """
        if error.code() != grpc.StatusCode.DEADLINE_EXCEEDED:
            self._bulkhead.answered()
        elif timeout >= _SILENCE:
            self._bulkhead.silent(began)


def _with_request_id(request: Any) -> Any:
    """Return the request with a request_id, if its type has the field.

    gRPC repeats a call after its connection broke, although the server may have done the work.
    """
    if "request_id" not in request.DESCRIPTOR.fields_by_name or request.request_id:
        return request
    copy = type(request)()
    copy.CopyFrom(request)
    copy.request_id = secrets.token_urlsafe(24)
    return copy


class _Details(grpc.ClientCallDetails):
    def __init__(self, method: str, timeout: float, metadata: Any, wait_for_ready: Any) -> None:
        self.method = method
        self.timeout = timeout
        self.metadata = metadata
        self.credentials = None
        self.wait_for_ready = wait_for_ready
        self.compression = None


def to_domain(error: grpc.RpcError) -> DomainError:
    """Return the DomainError that the server raised, or one for gRPC's own failure."""
    code: grpc.StatusCode = error.code()
    if code == grpc.StatusCode.DEADLINE_EXCEEDED:
        return DeadlineExceeded()
    if code == grpc.StatusCode.CANCELLED:
        return Unavailable()
    kind = KINDS.get(code, DomainError)
    info = _error_info(error)
    if info is None and code in _OF_GRPC:
        log.warning("gRPC ended a call: %s", code.name)
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


__all__ = ["MOST", "OPTIONS", "channel", "connection", "to_domain"]
