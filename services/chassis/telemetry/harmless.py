"""Keeps what telemetry raises from the work that it tells of."""

from collections.abc import Iterator
from contextlib import contextmanager

from services.chassis.telemetry.logs import log
from services.chassis.telemetry.metrics import TELEMETRY_FAULTS


@contextmanager
def harmless(part: str) -> Iterator[None]:
    """Counts and logs what is raised inside, instead of raising it."""
    try:
        yield
    except Exception as error:
        TELEMETRY_FAULTS.labels(part).inc()
        log.error("telemetry failed", part=part, error=type(error).__name__, exc_info=True)
