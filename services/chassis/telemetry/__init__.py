"""Logs, metrics and live spans.

Live spans are a bonus, the rows are the record: without an OTLP endpoint spans are not sampled but
still have ids. Every unit of work (RPC, webhook, attempt, batch, tick) leaves one canonical line.

Telemetry fails no unit of work and ends no loop: a line that cannot be written is dropped and
counted, and so is whatever else goes wrong here.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from services.chassis.config import ServiceConfig
from services.chassis.telemetry.export import exported
from services.chassis.telemetry.logs import configure_logs, log
from services.chassis.telemetry.metrics import WORK_SECONDS, serve_metrics
from services.chassis.telemetry.spans import span, tracing
from services.chassis.telemetry.standard_logging import as_lines
from services.chassis.telemetry.work import Work, note, work

__all__ = ["WORK_SECONDS", "Work", "log", "note", "span", "telemetry", "tracing", "work"]


@contextmanager
def telemetry(service: str, config: ServiceConfig) -> Iterator[None]:
    """Sets up JSON logs on standard output and, where asked for, live spans and /metrics."""
    configure_logs(service, config.log_level)
    as_lines(config.log_level)
    if config.metrics_listen:
        serve_metrics(config.metrics_listen)
    with exported(service, config.otlp_endpoint) as provider, tracing(provider):
        yield
