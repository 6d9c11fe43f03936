"""The gRPC server of a service, with the health service.

One interceptor does the work that all RPCs have in common: identity, permission, request context,
deadline, errors, and telemetry.
"""

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from google.protobuf import any_pb2
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2

from common import telemetry
from common.errors import DomainError, Invalid, Unauthenticated, Unreadable
from common.resilience import deadline
from common.rpc import access, identity, request_context, tls

log = logging.getLogger(__name__)

LIVENESS = "liveness"
READINESS = "readiness"
_HEALTH_SERVICE = "grpc.health.v1.Health"
_HEALTH = f"/{_HEALTH_SERVICE}/"
_HEALTH_WORKERS = 4  # of the health port; they do nothing else
_MOST_PER_WORKER = 8  # calls in the server for each worker; further calls are refused at once

_duration = telemetry.duration("rpc.server.call.duration", "Duration of inbound calls")

Servicers = Sequence[tuple[Callable[[Any, Any], None], Any]]
"""Servicers, each after the generated function that adds it to a server."""


class MalformedMessage(Invalid):
    """The request can't be parsed."""


class ServerInterceptor(grpc.ServerInterceptor):
    """Wraps every handler on its first call, and keeps the wrapped handler."""

    def __init__(self, verifier: identity.Verifier, permissions: dict[str, str]) -> None:
        self._verifier = verifier
        self._permissions = permissions
        self._wrapped: dict[str, Any] = {}

    def intercept_service(self, continuation: Callable[..., Any], details: Any) -> Any:
        method: str = details.method
        if method.startswith(_HEALTH):
            return continuation(details)
        if method not in self._wrapped:
            handler = continuation(details)
            if handler is None:
                return None
            # Without (de)serializers: gRPC would answer a malformed message with INTERNAL.
            self._wrapped[method] = grpc.unary_unary_rpc_method_handler(self._wrap(method, handler))
        return self._wrapped[method]

    def _wrap(self, method: str, handler: Any) -> Callable[..., bytes]:
        name = method.lstrip("/")
        attributes = telemetry.rpc_attributes(name)
        permission = self._permissions[method]

        def answer(payload: bytes, context: grpc.ServicerContext) -> bytes:
            metadata = {key: str(value) for key, value in context.invocation_metadata()}
            deadline.begin(context.time_remaining())
            began = time.perf_counter()
            failure: DomainError | None = None
            response = b""
            with telemetry.server_span(name, metadata, attributes) as span:
                try:
                    origin = request_context.from_metadata(
                        metadata.get(request_context.METADATA, ""), context.peer()
                    )
                    with (
                        identity.acting_as(*self._identify(metadata)),
                        request_context.of(origin.request, origin.address),
                    ):
                        access.require(permission)
                        request = _read(payload, handler.request_deserializer)
                        answered = handler.unary_unary(request, context)
                        response = handler.response_serializer(answered)
                except Exception as error:
                    failure = to_domain(error, method)
                    telemetry.fail(span, failure.reason)
            deadline.clear()
            code = failure.code if failure else grpc.StatusCode.OK
            seconds = time.perf_counter() - began
            _duration.record(seconds, {**attributes, "rpc.response.status_code": code.name})
            if failure:
                _abort(context, failure)
            return response

        return answer

    def _identify(self, metadata: dict[str, str]) -> tuple[identity.Identity, str]:
        token = metadata.get(identity.METADATA)
        if not token:
            raise Unauthenticated("The call has no identity.")
        return self._verifier.verify(token), token


def _read(payload: bytes, deserialize: Callable[[bytes], Any]) -> Any:
    try:
        return deserialize(payload)
    except DecodeError:
        raise MalformedMessage from None


def to_domain(error: Exception, where: str) -> DomainError:
    """Return the error to send for an exception that was raised in the RPC `where`.

    Logs unexpected exceptions, which the caller learns nothing about, and unreadable values.
    """
    if isinstance(error, Unreadable):
        log.error("%s: %s", where, error)  # the text names the key and the column
    if isinstance(error, DomainError):
        return error
    log.error("%s failed", where, exc_info=error)
    return DomainError("Something went wrong", reason="INTERNAL")


def _abort(context: grpc.ServicerContext, error: DomainError) -> None:
    metadata = {**error.details, **({"field": error.field} if error.field else {})}
    info = error_details_pb2.ErrorInfo(reason=error.reason, domain="attune", metadata=metadata)
    detail = any_pb2.Any()
    detail.Pack(info)
    status = status_pb2.Status(code=error.code.value[0], message=error.message, details=[detail])
    # abort_with_status would hide the failure from the wrappers of the context.
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(error.code, error.message)


class Health:
    """The health service with `Check` alone; `Watch` answers UNIMPLEMENTED.

    A watcher that reads nothing would hold the lock of the stock servicer, and with it every check.
    Here a check takes no lock: states are replaced, never changed in place.
    """

    def __init__(self) -> None:
        self._serving: dict[str, bool] = {}
        self._stopping = False

    def set(self, serving: bool, *names: str) -> None:
        """Set whether the parts `names` serve. Once the server is stopping, none of them does."""
        self._serving = {**self._serving, **dict.fromkeys(names, serving)}

    def stop(self) -> None:
        """Let no part serve from now on."""
        self._stopping = True

    def check(
        self, request: health_pb2.HealthCheckRequest, context: grpc.ServicerContext
    ) -> health_pb2.HealthCheckResponse:
        """Answer `Check`; NOT_FOUND for a part that is not known."""
        serving = self._serving.get(request.service)
        if serving is None:
            context.set_code(grpc.StatusCode.NOT_FOUND)
            return health_pb2.HealthCheckResponse()
        states = health_pb2.HealthCheckResponse
        answer = states.SERVING if serving and not self._stopping else states.NOT_SERVING
        return states(status=answer)

    def handler(self) -> grpc.GenericRpcHandler:
        """Return the handler to add to the server."""
        check = grpc.unary_unary_rpc_method_handler(
            self.check,
            health_pb2.HealthCheckRequest.FromString,
            health_pb2.HealthCheckResponse.SerializeToString,
        )
        return grpc.method_handlers_generic_handler(_HEALTH_SERVICE, {"Check": check})


class Server:
    """A service's gRPC server; add servicers, then listen.

    With `certificates` it serves mutual TLS only: a caller needs a certificate of its own.
    """

    def __init__(
        self,
        verifier: identity.Verifier,
        workers: int,
        certificates: tls.Certificates | None = None,
    ) -> None:
        self._certificates = certificates
        self._permissions: dict[str, str] = {}
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="rpc")
        self._health = Health()
        self._health_port: grpc.Server | None = None
        self._server = grpc.server(
            self._pool,
            interceptors=[ServerInterceptor(verifier, self._permissions)],
            maximum_concurrent_rpcs=workers * _MOST_PER_WORKER,
            options=[
                ("grpc.so_reuseport", 0),
                # Callers resolve the name again, and so find new replicas.
                ("grpc.max_connection_age_ms", 300_000),
                ("grpc.max_connection_age_grace_ms", 30_000),
                ("grpc.max_receive_message_length", 1024 * 1024),
                # Callers send keepalive pings this often (`common.rpc.channels`).
                ("grpc.http2.min_ping_interval_without_data_ms", 2_000),
                ("grpc.keepalive_permit_without_calls", 1),
            ],
        )
        self._server.add_generic_rpc_handlers([self._health.handler()])
        self.set_ready(False)

    def add(self, servicers: Servicers) -> None:
        """Serve these RPCs. Raises TypeError unless each one has a permission (`@allow`)."""
        for add_to_server, servicer in servicers:
            add_to_server(servicer, _Registrar(self._server, self._permissions))

    def listen(self, address: str) -> int:
        """Listen on `address` and return the port."""
        port = _bind(self._server, address, self._certificates)
        self._server.start()
        self._health.set(True, LIVENESS)
        return port

    def listen_for_health(self, address: str) -> int:
        """Serve the health service alone on another address, without TLS, and return the port.

        The probes of Kubernetes speak no TLS.
        """
        self._health_port = grpc.server(
            ThreadPoolExecutor(_HEALTH_WORKERS, thread_name_prefix="health"),
            options=[("grpc.so_reuseport", 0)],
        )
        self._health_port.add_generic_rpc_handlers([self._health.handler()])
        port = _bind(self._health_port, address, None)
        self._health_port.start()
        return port

    def set_ready(self, ready: bool) -> None:
        """Set the state that the readiness probe sees."""
        self._health.set(ready, READINESS, "")

    def stop(self, grace: float) -> None:
        """Refuse new calls and give running ones `grace` seconds to finish.

        Health checks say NOT_SERVING from the beginning, and on their own port until the end.
        """
        self._health.stop()
        self._server.stop(grace).wait()
        self._pool.shutdown(wait=True)
        if self._health_port:
            self._health_port.stop(None).wait()


def _bind(server: grpc.Server, address: str, certificates: tls.Certificates | None) -> int:
    """Return the port that a server listens on. Ends the process if it cannot listen."""
    try:
        if certificates:
            port = server.add_secure_port(address, certificates.server_credentials())
        else:
            port = server.add_insecure_port(address)
    except RuntimeError:
        port = 0
    if not port:
        raise SystemExit(f"cannot listen on {address}")
    return port


class _Registrar:
    """Stands in for the gRPC server while a servicer is added, and collects its permissions."""

    def __init__(self, server: grpc.Server, permissions: dict[str, str]) -> None:
        self._server = server
        self._permissions = permissions

    def add_generic_rpc_handlers(self, handlers: Any) -> None:
        self._server.add_generic_rpc_handlers(handlers)

    def add_registered_method_handlers(self, service: str, methods: dict[str, Any]) -> None:
        for name, method in methods.items():
            permission = getattr(method.unary_unary, "permission", None)
            if permission is None:
                raise TypeError(f"{service}/{name} does not say who may call it: @allow(...)")
            self._permissions[f"/{service}/{name}"] = permission
        self._server.add_registered_method_handlers(service, methods)


__all__ = ["LIVENESS", "READINESS", "Server", "to_domain"]
