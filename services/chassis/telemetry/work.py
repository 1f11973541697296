"""Units of work: each leaves a live span, a duration and one canonical line."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from opentelemetry.trace import Span, SpanKind

from services.chassis.telemetry.harmless import harmless
from services.chassis.telemetry.logs import log
from services.chassis.telemetry.metrics import WORK_ITEMS, WORK_SECONDS
from services.chassis.telemetry.spans import span
from services.chassis.trace import Start, from_otel


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


_going_on: Final[ContextVar[Work | None]] = ContextVar("work", default=None)


def note(**fields: Any) -> None:
    """Adds fields to the line of the work that is going on, where some is; never personal data."""
    if unit := _going_on.get():
        unit.note(**fields)


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
        token = _going_on.set(unit)
        try:
            yield unit
        except BaseException as error:
            if unit.outcome == "ok":
                unit.outcome = type(error).__name__
            raise
        finally:
            _going_on.reset(token)
            if not unit.silent:
                with harmless("work"):
                    _finish(kind, name, unit, time.perf_counter() - began)


def _finish(kind: str, name: str, unit: Work, seconds: float) -> None:
    WORK_SECONDS.labels(kind, name, unit.outcome).observe(seconds)
    # A field that was noted may not be called as what every line has.
    noted = {name: value for name, value in unit.fields.items() if name != "event"}
    line = {
        **noted,
        "kind": kind,
        "name": name,
        "outcome": unit.outcome,
        "duration_ms": round(seconds * 1000, 3),
        "trace_id": unit.trace.trace_id,
        "span_id": unit.trace.span_id,
    }
    log.info("work", **line)
