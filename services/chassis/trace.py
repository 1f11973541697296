"""Trace contexts: saved to rows, continued from rows.

A row keeps the `trace_id` of what it is about for life. Work that goes on later starts from the
row's `traceparent`: the first try soon after as a child, a retry, a replay or a late first run as a
new root that links to where it came from (design, section 5).
"""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

from opentelemetry import trace as otel
from opentelemetry.context import Context
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, TraceFlags, TraceState

SOON: Final = timedelta(seconds=60)
_TRACEPARENT: Final = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_TRACE_ID: Final = re.compile(r"[0-9a-f]{32}")
_TRACESTATE_CHARACTERS_MAX: Final = 512
_LENGTHY_MEMBER_CHARACTERS: Final = 128
_NO_TRACE: Final = "0" * 32
_NO_SPAN: Final = "0" * 16


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceContext:
    """One span's identity: hex ids, the sampled flag and W3C tracestate."""

    trace_id: str
    span_id: str
    sampled: bool = False
    tracestate: str = ""

    @property
    def traceparent(self) -> str:
        """As the W3C header and as our columns store it."""
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """How a unit of work begins: below `parent`, or as a root, with links either way."""

    parent: TraceContext | None
    links: tuple[TraceContext, ...] = ()


def new_root(*, sampled: bool = False) -> TraceContext:
    """A context that nothing came before."""
    return TraceContext(
        trace_id=secrets.token_hex(16), span_id=secrets.token_hex(8), sampled=sampled
    )


def child_of(parent: TraceContext) -> TraceContext:
    """A new span in the same trace."""
    return replace(parent, span_id=secrets.token_hex(8))


def parse(traceparent: str | None, tracestate: str | None = None) -> TraceContext | None:
    """The context that a traceparent names, or None where it is absent or malformed."""
    match = _TRACEPARENT.fullmatch(traceparent or "")
    if match is None or match[1] == _NO_TRACE or match[2] == _NO_SPAN:
        return None
    return TraceContext(
        trace_id=match[1],
        span_id=match[2],
        sampled=bool(int(match[3], 16) & 1),
        tracestate=cut_tracestate(tracestate or ""),
    )


def cut_tracestate(tracestate: str) -> str:
    """At most 512 characters of whole members: those above 128 characters go first, then the last
    ones (W3C Trace Context, 3.3.1.5)."""
    members = [member.strip() for member in tracestate.split(",") if member.strip()]
    while len(",".join(members)) > _TRACESTATE_CHARACTERS_MAX:
        lengthy = [
            place
            for place, member in enumerate(members)
            if len(member) > _LENGTHY_MEMBER_CHARACTERS
        ]
        del members[lengthy[-1] if lengthy else -1]
    return ",".join(members)


def trace_of_row(row: Mapping[str, Any], prefix: str = "") -> TraceContext:
    """The context in a row's columns `<prefix>traceparent` and, where it has it, `…tracestate`.

    Raises ValueError for a malformed one, which the column's check rules out.
    """
    trace = parse(row[f"{prefix}traceparent"], row.get(f"{prefix}tracestate"))
    if trace is None:
        raise ValueError(f"a row's {prefix}traceparent is malformed")
    return trace


def is_trace_id(text: str) -> bool:
    """Whether the text is 32 lower-case hex digits, not all of them zero."""
    return bool(_TRACE_ID.fullmatch(text)) and text != _NO_TRACE


def continue_from(
    saved: TraceContext, *, attempt: int, waited: timedelta, previous: TraceContext | None = None
) -> Start:
    """How try number `attempt` of saved work starts.

    The first one, soon, is a child. A late one or a retry would stretch a trace over hours, nest
    below a span that ended long ago and inherit a stale sampling decision: it is a root of its own,
    linked to the creating context and the previous try.
    """
    if attempt <= 1 and waited <= SOON:
        return Start(parent=saved)
    links = (saved,) if previous is None else (saved, previous)
    return Start(parent=None, links=links)


def to_otel(context: TraceContext, *, remote: bool = True) -> SpanContext:
    """As OpenTelemetry's span context."""
    return SpanContext(
        trace_id=int(context.trace_id, 16),
        span_id=int(context.span_id, 16),
        is_remote=remote,
        trace_flags=TraceFlags(TraceFlags.SAMPLED if context.sampled else TraceFlags.DEFAULT),
        trace_state=TraceState.from_header([context.tracestate]),
    )


def from_otel(context: SpanContext) -> TraceContext:
    """From OpenTelemetry's span context."""
    return TraceContext(
        trace_id=f"{context.trace_id:032x}",
        span_id=f"{context.span_id:016x}",
        sampled=context.trace_flags.sampled,
        tracestate=context.trace_state.to_header(),
    )


def link_to(context: TraceContext) -> Link:
    """As OpenTelemetry's link."""
    return Link(to_otel(context))


def below(context: TraceContext) -> Context:
    """An OpenTelemetry context in which spans become children of this one."""
    return otel.set_span_in_context(NonRecordingSpan(to_otel(context)), Context())


def current() -> TraceContext:
    """The context of the work going on, or a new root where there is none."""
    context = otel.get_current_span().get_span_context()
    return from_otel(context) if context.is_valid else new_root()
