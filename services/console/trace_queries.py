"""Finds traces and fetches them from every service; the merging and the drawing are elsewhere."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from services.console.client import Client
from services.console.fan_out import Replies, fan_out
from services.console.settings import SERVICES, Credential
from services.console.waterfall import Gap, TraceEntry, Waterfall, merge
from services.console.waterfall_view import render_waterfall
from waybill.trace.v1.trace_service_pb2 import (
    FindTracesRequest,
    FindTracesResponse,
    GetTraceRequest,
    GetTraceResponse,
    TimelineEntry,
)

__all__ = ["Found", "Summary", "TraceSearch", "fetch_trace", "find_traces", "render_waterfall"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceSearch:
    """What to search by: a field of `FindTracesRequest.by` ("phone") and its value."""

    kind: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One trace that was found: since when, what began it, and which services know it."""

    trace_id: str
    started_at: datetime
    kind: str
    key: str
    services: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Traces that were found, newest first; `next_page_tokens` by service where there are more."""

    summaries: tuple[Summary, ...]
    gaps: tuple[Gap, ...] = ()
    next_page_tokens: Mapping[str, str]


async def fetch_trace(
    client: Client,
    trace_id: str,
    *,
    credential: Credential = Credential.TENANT,
    now: datetime | None = None,
) -> Waterfall:
    """The trace, merged from all services that could be reached; without bars where none knows it.

    A retry's own trace leads to that of what was tried, which only the service that tried it knows.

    A tenant's token shows its own org's part, the operator's that of any org. What is still
    open lasts until `now` (default: the moment of the responses).
    Raises CallFailedError where no service answered and one refused; SettingMissingError.
    """
    replies = await _ask_all(client, trace_id, credential)
    led_to = {answer.trace_id for answer in replies.responses.values()} - {"", trace_id}
    if led_to:
        trace_id = min(led_to)
        replies = await _ask_all(client, trace_id, credential)
    slices = [
        [to_entry(service, entry) for entry in answer.entries]
        for service, answer in replies.responses.items()
    ]
    return merge(trace_id, slices, now=now or datetime.now(UTC), gaps=replies.gaps)


async def _ask_all(
    client: Client, trace_id: str, credential: Credential
) -> Replies[GetTraceResponse]:
    return await fan_out(
        client,
        lambda traces: traces.GetTrace,
        {service: GetTraceRequest(trace_id=trace_id) for service in SERVICES},
        credential,
    )


async def find_traces(
    client: Client,
    search: TraceSearch,
    *,
    credential: Credential = Credential.TENANT,
    page_size: int = 0,
    read_all: bool = False,
) -> Found:
    """Traces that the search finds, newest first: each service's newest, or all.

    Raises CallFailedError where no service answered and one refused (a phone without country code,
    say); SettingMissingError.
    """
    found = await _find_once(client, search, credential, page_size, dict.fromkeys(SERVICES, ""))
    while read_all and found.next_page_tokens:
        more = await _find_once(client, search, credential, page_size, found.next_page_tokens)
        found = Found(
            summaries=combine([found.summaries, more.summaries]),
            gaps=found.gaps + more.gaps,
            next_page_tokens=more.next_page_tokens,
        )
    return found


async def _find_once(
    client: Client,
    search: TraceSearch,
    credential: Credential,
    page_size: int,
    page_tokens: Mapping[str, str],
) -> Found:
    replies = await fan_out(
        client,
        lambda traces: traces.FindTraces,
        {name: find_request(search, page_size, token) for name, token in page_tokens.items()},
        credential,
    )
    return Found(
        summaries=combine([to_summaries(*pair) for pair in replies.responses.items()]),
        gaps=replies.gaps,
        next_page_tokens={
            service: answer.next_page_token
            for service, answer in replies.responses.items()
            if answer.next_page_token
        },
    )


def find_request(
    search: TraceSearch, page_size: int = 0, page_token: str = ""
) -> FindTracesRequest:
    """The question to one service."""
    request = FindTracesRequest(page_size=page_size, page_token=page_token)
    setattr(request, search.kind, search.value)
    return request


def combine(parts: Sequence[Sequence[Summary]]) -> tuple[Summary, ...]:
    """Each trace once, newest first: what began it is what its earliest row says."""
    by_trace: dict[str, Summary] = {}
    for summary in (summary for part in parts for summary in part):
        known = by_trace.get(summary.trace_id)
        by_trace[summary.trace_id] = summary if known is None else _both(known, summary)
    return tuple(sorted(by_trace.values(), key=lambda each: each.started_at, reverse=True))


def _both(one: Summary, other: Summary) -> Summary:
    first = one if one.started_at <= other.started_at else other
    services = tuple(dict.fromkeys(one.services + other.services))
    return Summary(
        trace_id=first.trace_id,
        started_at=first.started_at,
        kind=first.kind,
        key=first.key,
        services=services,
    )


def to_summaries(service: str, answer: FindTracesResponse) -> list[Summary]:
    """What one service found."""
    return [
        Summary(
            trace_id=trace.trace_id,
            started_at=trace.start_time.ToDatetime(UTC),
            kind=trace.kind,
            key=trace.key,
            services=(service,),
        )
        for trace in answer.traces
    ]


def to_entry(service: str, entry: TimelineEntry) -> TraceEntry:
    """A row's bar as the service reported it."""
    return TraceEntry(
        service=service,
        table=entry.table,
        key=entry.key,
        attempt=entry.attempt,
        name=entry.name,
        started_at=entry.start_time.ToDatetime(UTC),
        ended_at=entry.end_time.ToDatetime(UTC) if entry.HasField("end_time") else None,
        waiting=entry.waiting,
        outcome=entry.outcome,
        ids=dict(entry.ids),
        details=json.loads(entry.details_json or "{}"),
        span_id=entry.span_id,
        attempt_trace_id=entry.attempt_trace_id,
        linked_trace_ids=tuple(entry.linked_trace_ids),
    )
