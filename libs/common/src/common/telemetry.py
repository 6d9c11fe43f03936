"""Traces and metrics, which contain ids but no personal data (spec PF-7, PF-12).

Nothing is sent without OTEL_EXPORTER_OTLP_ENDPOINT. OpenTelemetry itself reads the other standard
`OTEL_*` variables.
Only sampled calls get spans: the stock instrumentation creates a non-recording span for every other
call, which takes a third of the time on the hot path. Logs are in `common.logs`.
"""

import contextlib
import uuid
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from typing import Any

from opentelemetry import metrics, propagate, trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, StatusCode
from sqlalchemy import Engine, event

from common import logs

tracer = trace.get_tracer("attune")
meter = metrics.get_meter("attune")

Attributes = Mapping[str, str | int]
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""Upper bounds of the buckets of a duration: OpenTelemetry's, which contain the thresholds of
every latency objective (docs/slo.md)."""
_counters: list["Counter"] = []


class Counter:
    """A counter that sends 0 for each of `series` from the start of the process.

    The rate of a series that begins with its first event misses that event, and the ratio of two
    series is absent until both exist.
    """

    def __init__(self, name: str, description: str, series: Sequence[Attributes] = ()) -> None:
        self._counter = meter.create_counter(name, description=description)
        self._series = series
        _counters.append(self)

    def add(self, attributes: Attributes, amount: int = 1) -> None:
        """Count `amount` events with these attributes."""
        self._counter.add(amount, attributes)

    def begin(self) -> None:
        """Count zero events of each series."""
        for attributes in self._series:
            self._counter.add(0, attributes)


def duration(name: str, description: str, bounds: Sequence[float] = SECONDS) -> metrics.Histogram:
    """Return a histogram of seconds with these upper bounds of buckets."""
    return meter.create_histogram(
        name, unit="s", description=description, explicit_bucket_boundaries_advisory=bounds
    )


def gauge(name: str, unit: str, description: str, read: Callable[[], float | None]) -> None:
    """Send what `read` returns at every export, in its own thread; nothing for None.

    Nothing is sent while `read` raises either: its dependency is away, which other signals show.
    """

    def observe(_options: CallbackOptions) -> Iterator[Observation]:
        with contextlib.suppress(Exception):
            if (value := read()) is not None:
                yield Observation(value)

    meter.create_observable_gauge(name, [observe], unit, description)


def configure(service: str, endpoint: str = "", log_level: str = logs.INFO) -> None:
    """Send logs to standard output, and traces and metrics to the collector at `endpoint`, if any.

    `endpoint` is an address for OTLP over gRPC, such as `http://collector:4317`.
    """
    logs.configure(service, log_level)
    if not endpoint:
        return
    # Each worker of a gateway is a process with counts of its own, so a host or pod is no id.
    resource = Resource.create(
        {
            "service.name": service,
            "service.namespace": "attune",
            "service.instance.id": str(uuid.uuid4()),
        }
    )
    traces = TracerProvider(resource=resource)
    traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    trace.set_tracer_provider(traces)
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(endpoint=endpoint))
    metrics.set_meter_provider(MeterProvider(resource=resource, metric_readers=[reader]))
    for counter in _counters:
        counter.begin()


def shutdown() -> None:
    """Send the spans and metrics that are still buffered."""
    for provider in (trace.get_tracer_provider(), metrics.get_meter_provider()):
        if isinstance(provider, TracerProvider | MeterProvider):
            provider.shutdown()


def current_trace_id() -> str:
    """Return the id of the current trace, 32 hex digits; empty without a trace."""
    return logs.trace_id()


def extract(carrier: Mapping[str, str]) -> Context | None:
    """Return the caller's trace context, or None if the caller sent none.

    Ignores `tracestate` and `baggage`: this free text would reach spans and events.
    """
    if "traceparent" not in carrier:
        return None
    return propagate.extract({"traceparent": carrier["traceparent"]})


def inject(carrier: MutableMapping[str, str]) -> None:
    """Add the current trace context, if there is one, to a message's headers."""
    if trace.get_current_span().get_span_context().is_valid:
        propagate.inject(carrier)


@contextlib.contextmanager
def span(
    name: str,
    kind: SpanKind = SpanKind.INTERNAL,
    context: Context | None = None,
    attributes: Mapping[str, str | int] | None = None,
) -> Iterator[Span]:
    """Record a span around the block.

    An exception marks the span as failed, with the exception's type but without its text, which
    may quote personal data.
    """
    with tracer.start_as_current_span(
        name,
        context=context,
        kind=kind,
        attributes=attributes,
        record_exception=False,
        set_status_on_exception=False,
    ) as current:
        try:
            yield current
        except Exception as error:
            current.set_status(StatusCode.ERROR)
            current.set_attribute("error.type", type(error).__qualname__)
            raise


def trace_statements(engine: Engine) -> None:
    """Record a client span for each SQL statement inside a recorded span.

    Spans contain the statement's text, never its parameters.
    """

    @event.listens_for(engine, "before_cursor_execute")
    def before(_c: Any, _cur: Any, statement: str, _p: Any, context: Any, _many: bool) -> None:
        if context is not None and trace.get_current_span().is_recording():
            operation = statement.lstrip().split(None, 1)[0].upper()
            context.attune_span = tracer.start_span(
                operation,
                kind=SpanKind.CLIENT,
                attributes={
                    "db.system.name": "postgresql",
                    "db.namespace": engine.url.database or "",
                    "db.query.text": statement[:1000],
                },
            )

    @event.listens_for(engine, "after_cursor_execute")
    def after(_c: Any, _cur: Any, _s: str, _p: Any, context: Any, _many: bool) -> None:
        if started := getattr(context, "attune_span", None):
            started.end()

    @event.listens_for(engine, "handle_error")
    def failed(context: Any) -> None:
        if started := getattr(context.execution_context, "attune_span", None):
            started.set_status(StatusCode.ERROR)
            started.end()


@contextlib.contextmanager
def client_span(method: str) -> Iterator[Span | None]:
    """Record a client span around an outgoing call, if the current trace is recorded."""
    if not trace.get_current_span().is_recording():
        yield None
        return
    with span(method, SpanKind.CLIENT, attributes=rpc_attributes(method)) as current:
        yield current


def rpc_attributes(method: str) -> dict[str, str | int]:
    """Return the attributes of a call of `package.Service/Method`."""
    return {"rpc.system.name": "grpc", "rpc.method": method}


def fail(current: Span | None, reason: str) -> None:
    """Mark a span as failed, with the reason of the error."""
    if current is not None:
        current.set_status(StatusCode.ERROR)
        current.set_attribute("error.type", reason)


@contextlib.contextmanager
def server_span(
    name: str, carrier: Mapping[str, str], attributes: Mapping[str, str | int]
) -> Iterator[Span | None]:
    """Record a server span around an inbound call, if the caller or else the sampler samples it."""
    if not isinstance(trace.get_tracer_provider(), TracerProvider):
        yield None
        return
    parent = extract(carrier)
    if parent is not None and not _sampled(parent):
        yield None
        return
    with span(name, SpanKind.SERVER, parent, attributes) as current:
        yield current


def _sampled(context: Context) -> bool:
    return trace.get_current_span(context).get_span_context().trace_flags.sampled
