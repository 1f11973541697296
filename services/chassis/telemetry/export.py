"""Live spans to an OTLP collector, as far as it takes them."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Final

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON

from services.chassis.telemetry.harmless import harmless
from services.chassis.telemetry.logs import log

# What is left is exported at the end, within this time in all: a collector that is away or silent
# would hold the process for as long as its calls are retried.
SHUTDOWN_SECONDS_MAX: Final = 2.0
# Of it, for a call that was cut off to notice.
_CUT_OFF_SECONDS: Final = 0.5


@contextmanager
def exported(service: str, endpoint: str) -> Iterator[TracerProvider]:
    """Makes spans, and exports them to the endpoint where there is one.

    Every span is sampled then, whatever its parent was: a row may have been written by a process
    without a collector, or by SQL, and a stale flag would lose the spans of all that follows it.
    """
    provider = TracerProvider(
        sampler=ALWAYS_ON if endpoint else ALWAYS_OFF,
        resource=Resource.create({"service.name": service}),
        shutdown_on_exit=False,
    )
    if not endpoint:
        yield provider
        return
    exporter = OTLPSpanExporter(endpoint=endpoint)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    try:
        yield provider
    finally:
        shut_down(provider, exporter)


def shut_down(
    provider: TracerProvider,
    exporter: SpanExporter,
    *,
    seconds_max: float = SHUTDOWN_SECONDS_MAX,
) -> None:
    """Exports what is left; what is not exported in time is lost, and the log says so."""
    end = time.monotonic() + seconds_max
    # The provider's own bound is half a minute, and none of its calls takes another.
    ending = Thread(target=provider.shutdown, name="last export", daemon=True)
    ending.start()
    ending.join(seconds_max - _CUT_OFF_SECONDS)
    if ending.is_alive():
        log.warning("live spans are lost: the collector does not take them")
        with harmless("export"):
            exporter.shutdown()
        ending.join(max(0.0, end - time.monotonic()))
