"""Log lines: JSON, with service, time and, inside a unit of work, its trace."""

import json
import logging
from collections.abc import Callable
from typing import Any

import structlog
from opentelemetry import trace as otel
from structlog.typing import EventDict

from services.chassis.telemetry.line_output import LineOutput
from services.chassis.telemetry.metrics import TELEMETRY_FAULTS
from services.chassis.telemetry.redaction import redact_exception_values
from services.chassis.trace import from_otel

log: structlog.stdlib.BoundLogger = structlog.get_logger()


def configure_logs(
    service: str, level: str, make_output: Callable[[str], LineOutput] = LineOutput
) -> None:
    """Makes each line of `log` a line of JSON on standard output."""
    output = make_output(service)

    def name_service(_: Any, __: str, event: EventDict) -> EventDict:
        return {"service": service, **event}

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            name_service,
            name_trace,
            structlog.processors.ExceptionRenderer(
                structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
            ),
            redact_exception_values,
            as_json,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=lambda *_: output,
        cache_logger_on_first_use=False,
    )


def name_trace(_: Any, __: str, event: EventDict) -> EventDict:
    """Adds trace and span of the work that is going on, unless the line names a trace itself."""
    context = otel.get_current_span().get_span_context()
    if context.is_valid and "trace_id" not in event:
        here = from_otel(context)
        return {**event, "trace_id": here.trace_id, "span_id": here.span_id}
    return event


def as_json(_: Any, __: str, event: EventDict) -> str:
    """The line; without the fields that cannot be written where one cannot."""
    try:
        return json.dumps(event, default=str)
    except Exception:
        TELEMETRY_FAULTS.labels("line").inc()
        return json.dumps({str(key): value for key, value in event.items() if type(value) is str})
