"""Entries, waterfalls and service reports with defaults."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from services.console.consistency import Equation, ServiceReport
from services.console.waterfall import TraceEntry, Waterfall, merge

START = datetime(2026, 11, 20, 12, tzinfo=UTC)
TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"


def at(ms: float) -> datetime:
    """So many milliseconds after START."""
    return START + timedelta(milliseconds=ms)


def an_entry(name: str, start: float, end: float | None, **changes: Any) -> TraceEntry:
    """Work of ingest between two moments (ms after START); it goes on where `end` is None."""
    defaults: dict[str, Any] = {
        "service": "ingest",
        "table": "leads",
        "key": "01931f6e-2c3b-7c11-9e4e-0f6a1c2d3e4f",
        "attempt": 0,
        "name": name,
        "started_at": at(start),
        "ended_at": None if end is None else at(end),
        "waiting": False,
        "outcome": "stored",
        "ids": {},
        "details": {},
        "span_id": "00f067aa0ba902b7",
        "attempt_trace_id": "",
        "linked_trace_ids": (),
    }
    return TraceEntry(**defaults | changes)


def a_waterfall(*entries: TraceEntry, now: float = 0, **changes: Any) -> Waterfall:
    """The entries merged, `now` in ms after START."""
    return merge(TRACE_ID, [entries], now=at(now), **changes)


def a_service(
    service: str, *violations: str, in_flight: Mapping[str, int] | None = None, **totals: int
) -> ServiceReport:
    """ServiceReport with one equation, broken by the violations."""
    equation = Equation(
        name=f"{service} adds up",
        holds=not violations,
        violation_count=len(violations),
        violations=violations,
    )
    return ServiceReport(
        service=service, equations=(equation,), totals=totals, in_flight=in_flight or {}
    )
