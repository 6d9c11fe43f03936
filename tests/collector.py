"""An OTLP collector that keeps the spans that it receives, or all requests."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2, logs_service_pb2_grpc
from opentelemetry.proto.collector.metrics.v1 import (
    metrics_service_pb2,
    metrics_service_pb2_grpc,
)
from opentelemetry.proto.collector.trace.v1 import (
    trace_service_pb2,
    trace_service_pb2_grpc,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span

MetricsRequest = metrics_service_pb2.ExportMetricsServiceRequest


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """Serves `opentelemetry.proto.collector` on a free port: traces, metrics, and logs.

    The last metrics of each process are kept; with `everything`, all requests are.
    """

    def __init__(self, everything: bool = False) -> None:
        self._everything = everything
        self._received: list[Message] = []
        self._lock = threading.Lock()
        self._spans: list[tuple[str, Span]] = []
        self._metrics: dict[str, MetricsRequest] = {}
        self._server = grpc.server(ThreadPoolExecutor(4))
        add: Callable[[Any, Any], None] = trace_service_pb2_grpc.add_TraceServiceServicer_to_server
        add(self, self._server)
        metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server(  # type: ignore[no-untyped-call]  # generated without types
            _Metrics(self._receive_metrics), self._server
        )
        logs_service_pb2_grpc.add_LogsServiceServicer_to_server(  # type: ignore[no-untyped-call]  # generated without types
            _Logs(self.receive), self._server
        )
        self._port = self._server.add_insecure_port("127.0.0.1:0")

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> "Collector":
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop(None)

    def Export(self, request: Any, context: Any) -> Any:  # noqa: N802  # named by the protocol
        """Keep the spans, with the name of the service that sent them."""
        self.receive(request)
        with self._lock:
            for resource in request.resource_spans:
                service = next(
                    a.value.string_value
                    for a in resource.resource.attributes
                    if a.key == "service.name"
                )
                for scope in resource.scope_spans:
                    self._spans.extend((service, span) for span in scope.spans)
        return trace_service_pb2.ExportTraceServiceResponse()

    def receive(self, request: Message) -> None:
        """Keep a request if all are kept."""
        if self._everything:
            with self._lock:
                self._received.append(request)

    def _receive_metrics(self, request: MetricsRequest) -> None:
        self.receive(request)
        with self._lock:
            for resource in request.resource_metrics:
                [instance] = (
                    attribute.value.string_value
                    for attribute in resource.resource.attributes
                    if attribute.key == "service.instance.id"
                )
                self._metrics[instance] = request

    def metrics(self) -> list[MetricsRequest]:
        """Return the last metrics of each process, which hold all that it has counted."""
        with self._lock:
            return list(self._metrics.values())

    def received(self) -> list[Message]:
        """Return the requests so far."""
        with self._lock:
            return list(self._received)

    def trace(self, trace_id: str) -> list[tuple[str, Span]]:
        """Return the spans of one trace so far, with their services."""
        with self._lock:
            return [(s, span) for s, span in self._spans if span.trace_id.hex() == trace_id]

    def all(self) -> list[tuple[str, Span]]:
        """Return all spans so far."""
        with self._lock:
            return list(self._spans)

    def wait_for(
        self, trace_id: str, condition: Callable[[list[tuple[str, Span]]], bool]
    ) -> list[tuple[str, Span]]:
        """Wait until a trace meets the condition, and return its spans."""
        end = time.monotonic() + 60
        while not condition(spans := self.trace(trace_id)):
            assert time.monotonic() < end, sorted((s, span.name) for s, span in spans)
            time.sleep(0.1)
        return spans


class _Metrics(metrics_service_pb2_grpc.MetricsServiceServicer):
    def __init__(self, receive: Callable[[MetricsRequest], None]) -> None:
        self._receive = receive

    def Export(self, request: Any, context: Any) -> Any:  # noqa: N802  # named by the protocol
        self._receive(request)
        return metrics_service_pb2.ExportMetricsServiceResponse()


class _Logs(logs_service_pb2_grpc.LogsServiceServicer):
    def __init__(self, receive: Callable[[Message], None]) -> None:
        self._receive = receive

    def Export(self, request: Any, context: Any) -> Any:  # noqa: N802  # named by the protocol
        self._receive(request)
        return logs_service_pb2.ExportLogsServiceResponse()
