"""Traces fetched from real servers over real channels."""

from datetime import timedelta

import pytest

from services.chassis.errors import DomainError, Violation, invalid
from services.console.client import Client
from services.console.failures import CallFailedError, SettingMissingError
from services.console.settings import SERVICES, Credential, from_environment
from services.console.trace_queries import TraceSearch, fetch_trace, find_traces
from tests.unit.console.builders import START, TRACE_ID, at
from tests.unit.console.fake_traces import FakeTraces, Serving
from waybill.trace.v1.trace_service_pb2 import (
    FindTracesResponse,
    GetTraceRequest,
    TimelineEntry,
    TraceSummary,
)


def a_row(name: str, start: float, end: float | None, **fields: object) -> TimelineEntry:
    entry = TimelineEntry(name=name, **fields)  # type: ignore[arg-type]
    entry.start_time.FromDatetime(at(start))
    if end is not None:
        entry.end_time.FromDatetime(at(end))
    return entry


def a_page(*traces: tuple[str, float], token: str = "") -> FindTracesResponse:
    page = FindTracesResponse(next_page_token=token)
    for trace_id, start in traces:
        summary = TraceSummary(trace_id=trace_id, kind="lead", key=f"key-{start:g}")
        summary.start_time.FromDatetime(at(start))
        page.traces.append(summary)
    return page


async def test_slices_of_all_services_become_one_waterfall(serving: Serving) -> None:
    ingest = FakeTraces(entries=[a_row("store", 0, 10), a_row("queue", 10, 30, waiting=True)])
    routing = FakeTraces(entries=[a_row("decide", 30, 40, details_json='{"rule_version": 2}')])
    delivery = FakeTraces(entries=[a_row("attempt", 40, None, ids={"delivery_id": "D"})])
    services = await serving(ingest=ingest, routing=routing, delivery=delivery)
    async with services.client() as client:
        waterfall = await fetch_trace(client, TRACE_ID, now=START + timedelta(seconds=1))
    assert [(bar.entry.service, bar.entry.name, bar.offset_ms) for bar in waterfall.bars] == [
        ("ingest", "store", 0),
        ("ingest", "queue", 10),
        ("routing", "decide", 30),
        ("delivery", "attempt", 40),
    ]
    assert waterfall.bars[2].entry.details == {"rule_version": 2}
    assert waterfall.bars[3].duration_ms == 960
    assert waterfall.gaps == ()
    assert routing.asked == [GetTraceRequest(trace_id=TRACE_ID)]


async def test_every_call_has_a_deadline_a_token_and_a_trace_of_its_own(serving: Serving) -> None:
    ingest = FakeTraces()
    services = await serving(ingest=ingest)
    async with services.client(timeout_seconds=7) as client:
        await fetch_trace(client, TRACE_ID)
        await fetch_trace(client, TRACE_ID, credential=Credential.OPERATOR)
    assert [each["authorization"] for each in ingest.metadata] == [
        "Bearer tenant-token",
        "Bearer operator-token",
    ]
    assert [round(seconds or 0) for seconds in ingest.timeouts_seconds] == [7, 7]
    assert len({each["traceparent"] for each in ingest.metadata}) == 2


async def test_a_retrys_own_trace_leads_to_that_of_what_was_tried_everywhere(
    serving: Serving,
) -> None:
    own = "c" * 32
    ingest = FakeTraces()
    services = await serving(
        ingest=ingest,
        routing=FakeTraces(),
        delivery=FakeTraces(entries=[a_row("attempt", 0, 10)], retries={own: TRACE_ID}),
    )
    async with services.client() as client:
        waterfall = await fetch_trace(client, own)
    assert waterfall.trace_id == TRACE_ID
    assert [bar.entry.name for bar in waterfall.bars] == ["attempt"]
    assert [each.trace_id for each in ingest.asked] == [own, TRACE_ID]


async def test_a_service_that_cannot_be_reached_is_a_gap_and_the_others_are_shown(
    serving: Serving,
) -> None:
    services = await serving(
        ingest=FakeTraces(entries=[a_row("store", 0, 10)]), routing=FakeTraces()
    )
    async with services.client() as client:
        waterfall = await fetch_trace(client, TRACE_ID)
    assert [bar.entry.name for bar in waterfall.bars] == ["store"]
    (gap,) = waterfall.gaps
    assert gap.service == "delivery"
    assert gap.problem == "delivery could not be reached at 127.0.0.1:1. Is it running?"


async def test_a_service_that_fails_is_a_gap_too(serving: Serving) -> None:
    broken = FakeTraces(refusal=DomainError("INTERNAL", "Something failed on our side."))
    services = await serving(ingest=FakeTraces(), routing=FakeTraces(), delivery=broken)
    async with services.client() as client:
        waterfall = await fetch_trace(client, TRACE_ID)
    assert [gap.problem for gap in waterfall.gaps] == ["Something failed on our side."]


async def test_what_all_services_refuse_is_raised_once(serving: Serving) -> None:
    wrong = invalid(Violation(field="phone", description="has no country code"))
    services = await serving(**{name: FakeTraces(refusal=wrong) for name in SERVICES})
    async with services.client() as client:
        with pytest.raises(CallFailedError) as caught:
            await find_traces(client, TraceSearch(kind="phone", value="0151"))
    assert caught.value.reason == "INVALID_REQUEST"
    assert "field phone: has no country code" in caught.value.lines


async def test_with_nobody_there_every_service_is_a_gap(serving: Serving) -> None:
    services = await serving()
    async with services.client() as client:
        waterfall = await fetch_trace(client, TRACE_ID)
    assert [gap.service for gap in waterfall.gaps] == list(SERVICES)


async def test_with_nothing_set_the_first_missing_variable_is_named() -> None:
    async with Client(from_environment({})) as client:
        with pytest.raises(SettingMissingError, match="WAYBILL_INGEST_ADDRESS"):
            await fetch_trace(client, TRACE_ID)


async def test_a_trace_found_by_several_services_is_one_and_the_newest_is_first(
    serving: Serving,
) -> None:
    services = await serving(
        ingest=FakeTraces(pages={"": a_page(("a" * 32, 50), ("b" * 32, 10))}),
        routing=FakeTraces(pages={"": a_page(("b" * 32, 20), ("a" * 32, 60))}),
        delivery=FakeTraces(pages={"": a_page(("c" * 32, 30))}),
    )
    async with services.client() as client:
        found = await find_traces(client, TraceSearch(kind="phone", value="+4915112345678"))
    assert [each.trace_id[0] for each in found.summaries] == ["a", "c", "b"]
    assert [each.services for each in found.summaries] == [
        ("ingest", "routing"),
        ("delivery",),
        ("ingest", "routing"),
    ]
    assert found.summaries[2].key == "key-10"
    assert found.next_page_tokens == {}


async def test_all_pages_are_read_where_asked_and_only_of_services_that_have_more(
    serving: Serving,
) -> None:
    ingest = FakeTraces(
        pages={"": a_page(("a" * 32, 50), token="more"), "more": a_page(("b" * 32, 10))}
    )
    routing = FakeTraces(pages={"": a_page(("a" * 32, 60))})
    services = await serving(ingest=ingest, routing=routing, delivery=FakeTraces())
    search = TraceSearch(kind="workspace_id", value="W")
    async with services.client() as client:
        first = await find_traces(client, search, page_size=1)
        every = await find_traces(client, search, page_size=1, read_all=True)
    assert first.next_page_tokens == {"ingest": "more"}
    assert [each.trace_id[0] for each in every.summaries] == ["a", "b"]
    assert every.next_page_tokens == {}
    assert [request.page_token for request in ingest.asked] == ["", "", "more"]
    assert {request.workspace_id for request in ingest.asked} == {"W"}
    assert len(routing.asked) == 2


async def test_a_service_that_does_not_answer_in_time_is_a_gap(serving: Serving) -> None:
    services = await serving(ingest=FakeTraces(is_stuck=True))
    async with services.client(timeout_seconds=0.2) as client:
        waterfall = await fetch_trace(client, TRACE_ID)
    problem = f"ingest at {services.addresses['ingest']} did not answer within 0.2 s."
    assert waterfall.gaps[0].problem == problem
