"""One waterfall from the services' rows: pure, no I/O and no drawing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceEntry:
    """One thing that happened, or one wait, as a service's row records it."""

    service: str
    table: str
    key: str
    attempt: int
    name: str
    started_at: datetime
    ended_at: datetime | None
    waiting: bool
    outcome: str
    ids: Mapping[str, str]
    details: Mapping[str, Any]
    span_id: str
    attempt_trace_id: str
    linked_trace_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """An entry on the time axis: milliseconds from the first start, and how long it took so far."""

    entry: TraceEntry
    offset_ms: float
    duration_ms: float

    @property
    def is_open(self) -> bool:
        """Whether it has not ended yet."""
        return self.entry.ended_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A service whose part is missing, and why, in a sentence; `is_outage`: it gave no answer."""

    service: str
    problem: str
    is_outage: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Waterfall:
    """A trace merged from the services; no bars where none knows it."""

    trace_id: str
    started_at: datetime | None
    total_ms: float
    bars: tuple[Bar, ...]
    gaps: tuple[Gap, ...]

    @property
    def is_open(self) -> bool:
        """Whether something in it has not ended yet."""
        return any(bar.is_open for bar in self.bars)

    @property
    def ids(self) -> dict[str, list[str]]:
        """Every id that its rows name, by name, each once, in the order in which they came up."""
        found: dict[str, list[str]] = {}
        for bar in self.bars:
            for name, value in bar.entry.ids.items():
                values = found.setdefault(name, [])
                if value not in values:
                    values.append(value)
        return found


def merge(
    trace_id: str,
    slices: Sequence[Sequence[TraceEntry]],
    *,
    now: datetime,
    gaps: Sequence[Gap] = (),
) -> Waterfall:
    """The services' slices as one waterfall, by time of start.

    Entries that start at the same moment stay in the order of the slices and, within one, in the
    order of the service's answer. What has not ended lasts until `now`. Clocks of several databases
    may disagree: nothing starts before the first start or lasts less than nothing.
    """
    entries = sorted(chain.from_iterable(slices), key=lambda entry: entry.started_at)
    if not entries:
        return Waterfall(trace_id=trace_id, started_at=None, total_ms=0, bars=(), gaps=tuple(gaps))
    first = entries[0].started_at
    # A row written after `now` was taken must not make open bars end before it.
    until = max(now, entries[-1].started_at)
    bars = tuple(
        Bar(
            entry=entry,
            offset_ms=to_ms(entry.started_at - first),
            duration_ms=to_ms((entry.ended_at or until) - entry.started_at),
        )
        for entry in entries
    )
    total_ms = max(bar.offset_ms + bar.duration_ms for bar in bars)
    return Waterfall(
        trace_id=trace_id, started_at=first, total_ms=total_ms, bars=bars, gaps=tuple(gaps)
    )


def to_ms(span: timedelta) -> float:
    """Milliseconds to the microsecond, never less than 0."""
    return max(span / timedelta(microseconds=1), 0) / 1000


def to_json(waterfall: Waterfall) -> dict[str, Any]:
    """The waterfall as `waybill trace --json` prints it; times in UTC, durations in ms."""
    return {
        "trace_id": waterfall.trace_id,
        "start_time": _moment(waterfall.started_at),
        "total_ms": round(waterfall.total_ms, 3),
        "going_on": waterfall.is_open,
        "ids": waterfall.ids,
        "bars": [bar_to_json(bar) for bar in waterfall.bars],
        "missing": gaps_to_json(waterfall.gaps),
    }


def bar_to_json(bar: Bar) -> dict[str, Any]:
    """One bar of it."""
    entry = bar.entry
    return {
        "service": entry.service,
        "name": entry.name,
        "table": entry.table,
        "key": entry.key,
        "attempt": entry.attempt,
        "start_time": _moment(entry.started_at),
        "end_time": _moment(entry.ended_at),
        "offset_ms": round(bar.offset_ms, 3),
        "duration_ms": round(bar.duration_ms, 3),
        "waiting": entry.waiting,
        "going_on": bar.is_open,
        "outcome": entry.outcome,
        "ids": dict(entry.ids),
        "details": dict(entry.details),
        "span_id": entry.span_id,
        "attempt_trace_id": entry.attempt_trace_id,
        "linked_trace_ids": list(entry.linked_trace_ids),
    }


def gaps_to_json(gaps: Sequence[Gap]) -> list[dict[str, str]]:
    """The services whose parts are missing."""
    return [{"service": gap.service, "problem": gap.problem} for gap in gaps]


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat()
