"""Live spans: made where work is done, current inside."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from opentelemetry import trace as otel
from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import NonRecordingSpan, Span, SpanKind, Status, StatusCode

from services.chassis.telemetry.harmless import harmless
from services.chassis.trace import (
    Start,
    TraceContext,
    below,
    child_of,
    from_otel,
    link_to,
    new_root,
    to_otel,
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
def tracing(provider: TracerProvider) -> Iterator[None]:
    """Makes spans by this provider inside the block."""
    previous, _Live.tracer = _Live.tracer, provider.get_tracer(_SCOPE)
    try:
        yield
    finally:
        _Live.tracer = previous


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
    live = _started(name, start, kind, links)
    with otel.use_span(live, record_exception=False, set_status_on_exception=False):
        try:
            yield live
        except BaseException as error:
            live.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise
        finally:
            with harmless("span"):
                live.end()


def _started(name: str, start: Start | None, kind: SpanKind, links: Sequence[TraceContext]) -> Span:
    """The span; where it cannot be made only its ids, which rows and lines need all the same."""
    with harmless("span"):
        context = None
        if start is not None:
            context = below(start.parent) if start.parent else Context()
            links = (*start.links, *links)
        return _Live.tracer.start_span(
            name, context=context, kind=kind, links=[link_to(link) for link in links]
        )
    return NonRecordingSpan(to_otel(_ids(start), remote=False))


def _ids(start: Start | None) -> TraceContext:
    here = otel.get_current_span().get_span_context()
    if start is None and here.is_valid:
        return child_of(from_otel(here))
    return child_of(start.parent) if start and start.parent else new_root()
