"""Traces: the context that travels in headers, and what is sent at the end."""

from collections.abc import Callable

import pytest
from opentelemetry import metrics, trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import NonRecordingSpan, SpanContext, StatusCode, TraceFlags
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from common import telemetry

pytestmark = pytest.mark.req("PF-12")
SPAN = SpanContext(0xA1, 0xB2, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))
PARENT = f"00-{0xA1:032x}-{0xB2:016x}-01"


def test_the_context_of_a_trace_is_written_into_headers() -> None:
    headers = {"kept": "as it is"}
    telemetry.inject(headers)
    assert headers == {"kept": "as it is"}, "there is no trace"
    assert telemetry.current_trace_id() == ""
    with trace.use_span(NonRecordingSpan(SPAN)):
        telemetry.inject(headers)
        assert telemetry.current_trace_id() == f"{0xA1:032x}"
    assert headers == {"kept": "as it is", "traceparent": PARENT}


def test_of_a_callers_headers_only_the_trace_itself_is_read() -> None:
    assert telemetry.extract({"tracestate": "a=b", "baggage": "c=d"}) is None
    context = telemetry.extract({"traceparent": PARENT, "tracestate": "a=b", "baggage": "c=d"})
    read = trace.get_current_span(context).get_span_context()
    assert (read.trace_id, read.span_id, dict(read.trace_state)) == (0xA1, 0xB2, {})
    assert context is not None
    assert len(context) == 1, "the span alone, no baggage"


def test_at_the_end_what_still_waits_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    sent, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(sent, schedule_delay_millis=3_600_000))
    without: Callable[[], object] = metrics.NoOpMeterProvider
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    monkeypatch.setattr(metrics, "get_meter_provider", without)
    provider.get_tracer("test").start_span("last words").end()
    assert sent.get_finished_spans() == ()
    telemetry.shutdown()
    assert [span.name for span in sent.get_finished_spans()] == ["last words"]


def test_a_statement_inside_a_recorded_span_has_a_span(monkeypatch: pytest.MonkeyPatch) -> None:
    sent, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(sent))
    tracer = provider.get_tracer("test")
    monkeypatch.setattr(telemetry, "tracer", tracer)
    engine = create_engine("sqlite://")
    telemetry.trace_statements(engine)
    with engine.connect() as connection:
        connection.execute(text("SELECT 0"))
        with tracer.start_as_current_span("around"):
            connection.execute(text("SELECT 1"))
            with pytest.raises(OperationalError):
                connection.execute(text("SELECT nothing"))
    engine.dispose()
    found = [
        (span.name, (span.attributes or {}).get("db.query.text"), span.status.status_code)
        for span in sent.get_finished_spans()
    ]
    assert found == [
        ("SELECT", "SELECT 1", StatusCode.UNSET),
        ("SELECT", "SELECT nothing", StatusCode.ERROR),
        ("around", None, StatusCode.UNSET),
    ]
