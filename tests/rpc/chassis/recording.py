"""What telemetry says of the work done inside a block: canonical lines and ended spans."""

from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import SpanKind
from structlog.testing import capture_logs

from services.chassis.telemetry import tracing
from services.chassis.telemetry.logs import name_trace


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """The lines so far, and the spans that ended."""

    lines: list[MutableMapping[str, Any]]
    exporter: InMemorySpanExporter

    def line(self, kind: str) -> MutableMapping[str, Any]:
        """The one canonical line of that kind; fails where there are none or several."""
        found = [each for each in self.lines if each.get("kind") == kind]
        assert len(found) == 1, f"{len(found)} lines of kind {kind}: {self.lines}"
        return found[0]

    def span(self, kind: SpanKind) -> ReadableSpan:
        """The one span of that kind; fails where there are none or several."""
        found = [each for each in self.exporter.get_finished_spans() if each.kind is kind]
        assert len(found) == 1, f"{len(found)} spans of kind {kind.name}"
        return found[0]

    def everything(self) -> str:
        """All that was said, as text to search for what must not be said."""
        spans = [span.to_json() for span in self.exporter.get_finished_spans()]
        return "\n".join([*map(str, self.lines), *spans])


@contextmanager
def recording() -> Iterator[Recording]:
    """Records what telemetry says inside the block."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(sampler=ALWAYS_ON, shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with tracing(provider), capture_logs([name_trace]) as lines:
        yield Recording(lines=lines, exporter=exporter)
