"""Channels to other services: round robin, deadlines, retries of UNAVAILABLE only, the caller's
identity and trace passed along, failures raised as the DomainError they were (spec PF-13)."""

import json
from collections.abc import Callable
from typing import Any

import grpc
from google.rpc import error_details_pb2, status_pb2

from common import deadline, identity, telemetry
from common.errors import KINDS, DomainError, Unavailable

TIMEOUT = 2.0  # seconds for a call, unless less is left of the caller's own

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
                    # Safe: what creates carries a request_id. DEADLINE_EXCEEDED is never retried.
                    "retryableStatusCodes": ["UNAVAILABLE"],
                },
            }
        ],
    }
)

OPTIONS = [  # channels to one target with the same options share their connections
    ("grpc.service_config", _SERVICE_CONFIG),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.max_receive_message_length", 8 * 1024 * 1024),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2_000),
]


class DeadlineExceeded(Unavailable):
    """This took too long; try again shortly."""


def channel(target: str, signer: identity.Signer, timeout: float = TIMEOUT) -> grpc.Channel:
    """A channel to `dns:///host:port`, signed as the caller in context, else as this service."""
    plain = grpc.insecure_channel(target, options=OPTIONS)
    return grpc.intercept_channel(plain, _Interceptor(signer, timeout))


class _Interceptor(grpc.UnaryUnaryClientInterceptor):
    def __init__(self, signer: identity.Signer, timeout: float) -> None:
        self._signer = signer
        self._timeout = timeout

    def intercept_unary_unary(
        self, continuation: Callable[..., Any], details: Any, request: Any
    ) -> Any:
        headers: dict[str, str] = {}
        method = details.method.lstrip("/")
        with telemetry.client_span(method) as span:
            telemetry.inject(headers)
            headers[identity.METADATA] = self._signer.for_call()
            call = continuation(
                _Details(
                    details.method,
                    deadline.remaining(self._timeout),
                    [*(details.metadata or ()), *headers.items()],
                    details.wait_for_ready,
                ),
                request,
            )
            try:
                call.result()
            except grpc.RpcError as error:
                failure = to_domain(error)
                telemetry.fail(span, failure.reason)
                raise failure from None
            return call


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


__all__ = ["OPTIONS", "TIMEOUT", "DeadlineExceeded", "channel", "to_domain"]
