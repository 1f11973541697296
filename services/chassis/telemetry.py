"""Logs, metrics and live spans.

Live spans are a bonus, the rows are the record: without an OTLP endpoint spans are not sampled but
still have ids. Every unit of work (RPC, webhook, attempt, batch, tick) leaves one canonical line.
"""

import logging
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import structlog
from opentelemetry import trace as otel
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased, Sampler
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from prometheus_client import Counter, Histogram, start_http_server
from structlog.typing import EventDict

from services.chassis.config import ServiceConfig
from services.chassis.trace import Start, TraceContext, below, from_otel, link_to

log: structlog.stdlib.BoundLogger = structlog.get_logger()

WORK_SECONDS: Final = Histogram(
    "waybill_work_seconds",
    "Duration of each unit of work, in seconds",
    ["kind", "name", "outcome"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
WORK_ITEMS: Final = Counter(
    "waybill_work_items_total", "Items of batches, by outcome", ["kind", "name", "outcome"]
)


_SCOPE: Final = "waybill"


class _Live:
    """The tracer in use, replaced once, at start.

    Asking the provider for it each time would take longer than making a span.
    """

    tracer: otel.Tracer = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False).get_tracer(
        _SCOPE
    )


@contextmanager
def telemetry(service: str, config: ServiceConfig) -> Iterator[None]:
    """Sets up JSON logs on standard output and, where asked for, live spans and /metrics."""
    otlp_endpoint, metrics_listen = config.otlp_endpoint, config.metrics_listen
    _configure_logs(service, config.log_level)
    sampler: Sampler = ParentBased(ALWAYS_ON) if otlp_endpoint else ALWAYS_OFF
    provider = TracerProvider(
        sampler=sampler,
        resource=Resource.create({"service.name": service}),
        shutdown_on_exit=False,
    )
    if otlp_endpoint:
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=otlp_endpoint)))
    if metrics_listen:
        host, _, port = metrics_listen.rpartition(":")
        start_http_server(int(port), addr=host)
    with tracing(provider):
        yield


@contextmanager
def tracing(provider: TracerProvider) -> Iterator[None]:
    """Makes spans by this provider inside the block, then shuts it down."""
    previous, _Live.tracer = _Live.tracer, provider.get_tracer(_SCOPE)
    try:
        yield
    finally:
        _Live.tracer = previous
        provider.shutdown()


def _configure_logs(service: str, level: str) -> None:
    def name_service(_: Any, __: str, event: EventDict) -> EventDict:
        return {"service": service, **event}

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            name_service,
            structlog.processors.ExceptionRenderer(
                structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
            ),
            redact_exception_values,
            structlog.processors.JSONRenderer(default=str),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stdout),
        cache_logger_on_first_use=False,
    )


def redact_exception_values(_: Any, __: str, event: EventDict) -> EventDict:
    """Keeps type and frames of a logged exception and drops its text, in groups too.

    A database's or parser's message may quote the row or input it failed on: personal data.
    """
    _redact(event.get("exception") or ())
    return event


def _redact(chain: Any) -> None:
    for chained in chain:
        if isinstance(chained, dict):
            chained["exc_value"] = ""
            for field in ("exc_notes", "syntax_error"):
                chained.pop(field, None)
            for member in chained.get("exceptions") or ():
                _redact(member)


@contextmanager
def span(
    name: str,
    *,
    start: Start | None = None,
    kind: SpanKind = SpanKind.INTERNAL,
    links: Sequence[TraceContext] = (),
) -> Iterator[Span]:
    """A live span that is current inside; below the current one unless `start` says otherwise.

    An exception that leaves it marks it as failed, by type only: texts may hold personal data.
    """
    context = None
    if start is not None:
        context = below(start.parent) if start.parent else Context()
        links = (*start.links, *links)
    live = _Live.tracer.start_span(
        name, context=context, kind=kind, links=[link_to(link) for link in links]
    )
    with otel.use_span(live, record_exception=False, set_status_on_exception=False):
        try:
            yield live
        except BaseException as error:
            live.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise
        finally:
            live.end()


class Work:
    """The canonical line of one unit of work while it is being written."""

    def __init__(self, live: Span) -> None:
        self.span = live
        self.trace = from_otel(live.get_span_context())
        self.outcome = "ok"
        self.fields: dict[str, Any] = {}
        self.silent = False

    def note(self, **fields: Any) -> None:
        """Adds fields, named as the columns are; never personal data."""
        self.fields.update(fields)

    def count(self, name: str, outcome: str, items: int = 1) -> None:
        """Counts items of a batch by their outcome."""
        WORK_ITEMS.labels("batch", name, outcome).inc(items)


@contextmanager
def work(
    kind: str,
    name: str,
    *,
    start: Start | None = None,
    span_kind: SpanKind = SpanKind.INTERNAL,
) -> Iterator[Work]:
    """One unit of work: a live span, a duration and one line, also when it fails.

    An idle loop's empty rounds set `silent`: they are neither logged nor counted.
    """
    began = time.perf_counter()
    with span(name, start=start, kind=span_kind) as live:
        unit = Work(live)
        try:
            yield unit
        except BaseException as error:
            if unit.outcome == "ok":
                unit.outcome = type(error).__name__
            raise
        finally:
            if not unit.silent:
                _finish(kind, name, unit, time.perf_counter() - began)


def _finish(kind: str, name: str, unit: Work, seconds: float) -> None:
    WORK_SECONDS.labels(kind, name, unit.outcome).observe(seconds)
    log.info(
        "work",
        kind=kind,
        name=name,
        outcome=unit.outcome,
        duration_ms=round(seconds * 1000, 3),
        trace_id=unit.trace.trace_id,
        span_id=unit.trace.span_id,
        **unit.fields,
    )
