"""Faults of the network on a lead's way: all is consistent after each, and its trace shows it.

Each fault meets the call that it is meant for: it stays until a service has said that such a call
failed, or lies in wait for the answer of one.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Final

import aiohttp
import pytest

from deploy.local.sample_customer import Customer
from deploy.local.stack import Stack
from sandbox.fault_proxy import Fault
from tests.chaos.customer_rows import CustomerRows
from tests.chaos.lead_load import LeadLoad, run_bounded
from tests.chaos.network import (
    CUT,
    FAULTS,
    LATENCY,
    Network,
    Signs,
    broken,
    networked,
    of_call,
)
from tests.system.waiting import until

LEADS: Final = 50
FEW: Final = 25
# What a service says when it meets a fault on the line.
SIGNS: Final = {
    "routing": of_call("ingest", "EnqueueLeads"),
    "delivery": of_call("routing", "OfferLeads"),
    "sync": of_call("ingest", "RecordEvents"),
    "delivery-sync": of_call("delivery", "RecordEvents"),
    "meta": Signs(service="ingest", words=['"outcome": "retry"']),
    "buyers": Signs(service="delivery", words=['"outcome": "retry"', '"outcome": "unknown"']),
}
# For each line the traces that show a fault on it, each with what the waterfall must show.
RETRIED_HANDOFF: Final = """
    select trace_id, '"attempts": ' || attempts from {service}.outbox
    where org_id = $1 and topic = '{topic}' and attempts > 1 and status = 'sent'"""
EVIDENCE: Final = {
    "routing": RETRIED_HANDOFF.format(service="ingest", topic="routing.enqueue_leads"),
    "delivery": RETRIED_HANDOFF.format(service="routing", topic="delivery.offer_leads"),
    "sync": RETRIED_HANDOFF.format(service="ingest", topic="sync.record_events"),
    "delivery-sync": RETRIED_HANDOFF.format(service="delivery", topic="sync.delivery_events"),
    "meta": """
        select trace_id, '"outcome": "retry"' from ingest.item_attempts
        where org_id = $1 and outcome = 'retry'""",
    "buyers": """
        select trace_id, '"outcome": "' || outcome || '"' from delivery.attempts
        where org_id = $1 and outcome in ('retry', 'unknown')""",
}
# Between the edge and ingest: the caller gets an error, and calls again.
EDGE_LINES: Final = ("edge-ingest", "edge-ingest-http")
# Where only the answer is lost, what is sent again is known to be there.
SENT_AGAIN: Final = """
    select trace_id, '"outcome": "duplicate"' from ingest.webhook_items
    where org_id = $1 and status = 'duplicate'"""
A_LEAD_OF_THE_PAGE: Final = """
    select l.trace_id from ingest.leads l
    join ingest.sources s using (org_id, source_id)
    where l.org_id = $1 and s.kind = 'meta_page'"""
# The bar of such a lead's waterfall in which a slow line takes its time.
SLOW: Final = {
    "postgres": ("routing", "handoff delivery.offer_leads"),
    "routing": ("ingest", "handoff routing.enqueue_leads"),
    "delivery": ("routing", "handoff delivery.offer_leads"),
    "sync": ("ingest", "handoff sync.record_events"),
    "delivery-sync": ("delivery", "handoff sync.delivery_events"),
    "meta": ("ingest", "process leadgen"),
    "buyers": ("delivery", "delivery attempt"),
}
# A call of the database that claims work, and what is left of it where the answer is lost: claimed
# by no worker, and done by another once the lease has run out.
CLAIMS: Final = {
    "ingest.claim_webhook_items": """
        select trace_id, '"outcome": "interrupted"' from ingest.item_attempts
        where org_id = $1 and outcome = 'interrupted'""",
    "ingest.claim_outbox": RETRIED_HANDOFF.format(service="ingest", topic="routing.enqueue_leads"),
    "routing.acquire_routing_locks": """
        select trace_id, '"interrupted": ' || routing_interruption_count from routing.leads
        where org_id = $1 and routing_interruption_count > 0""",
    "routing.claim_outbox": RETRIED_HANDOFF.format(service="routing", topic="delivery.offer_leads"),
    "delivery.claim_deliveries": """
        select trace_id, '"outcome": "unknown"' from delivery.attempts
        where org_id = $1 and outcome = 'unknown'""",
}
# A call that was made again and had been done is counted, by whichever call it was.
ASKED_AGAIN: Final = """
    select trace_id, '"name": "repeat of ' || call || '"' from {service}.repeats
    where org_id = $1 and call in ({calls})"""
# Calls of the database that write or charge, each with the row that shows its lost answer.
WRITES: Final = {
    "ingest.store_webhook_deliveries": SENT_AGAIN,
    # An item's try makes it again; what a caller sends it sends again by its request id.
    "ingest.create_leads_with_conversations_v2": ASKED_AGAIN.format(
        service="ingest", calls="'create_leads_with_conversations', 'request'"
    ),
    "routing.enqueue_leads": ASKED_AGAIN.format(service="routing", calls="'enqueue_leads'"),
    "routing.complete_routings": ASKED_AGAIN.format(service="routing", calls="'complete_routings'"),
    "delivery.offer_leads": ASKED_AGAIN.format(service="delivery", calls="'offer_leads'"),
    "delivery.finish_deliveries": ASKED_AGAIN.format(
        service="delivery", calls="'finish_deliveries'"
    ),
}
# Behind the edge the caller gets an error, and calls again; where only the answer is lost a row
# shows it.
CUT_BEHIND_THE_EDGE: Final = {
    "edge-ingest": ASKED_AGAIN.format(service="ingest", calls="'request'"),
    "edge-ingest-http": SENT_AGAIN,
}


@pytest.fixture(scope="module")
async def network(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Network]:
    """A system with a proxy on every line."""
    async with networked(tmp_path_factory.mktemp("faults")) as started:
        yield started


@pytest.fixture(scope="module")
def stack(network: Network) -> Stack:
    """The system behind the proxies."""
    return network.stack


@pytest.fixture
async def customer(network: Network, session: aiohttp.ClientSession) -> Customer:
    """A fresh customer whose buyers are reached by their proxy."""
    return await network.customer(session)


async def send(lead_load: LeadLoad, line: str, leads: int) -> None:
    """Sends leads that come over the line."""
    if line == "sync":
        await run_bounded([lead_load.messenger] * leads, 5)
    elif line == "edge-ingest-http":
        await run_bounded([lead_load.whatsapp, lead_load.lead_ads] * (leads // 10), 5)
    else:
        await lead_load.send(leads, concurrent=5)


async def is_traced(
    network: Network, customer: Customer, customer_rows: CustomerRows, evidence: str
) -> None:
    """A row shows the fault, and so does the waterfall of its trace."""
    found = await customer_rows.rows(evidence)
    assert found, "no trace shows the fault"
    trace_id, words = found[0]
    assert words in json.dumps(await network.waterfall(customer, trace_id))


@broken
@pytest.mark.parametrize("line", list(SIGNS))
async def test_everything_is_consistent_after_a_fault_and_the_trace_shows_it(
    network: Network,
    lead_load: LeadLoad,
    customer_rows: CustomerRows,
    customer: Customer,
    line: str,
    fault: Fault,
) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(send(lead_load, line, LEADS))
        await lead_load.accepts(LEADS // 5)
        await network.show(line, fault, SIGNS[line])
    await customer_rows.check_consistency(LEADS)
    await is_traced(network, customer, customer_rows, EVIDENCE[line])


@pytest.mark.parametrize(
    ("function", "fault"),
    [
        *((function, FAULTS["cut"]) for function in CLAIMS),
        ("ingest.claim_webhook_items", FAULTS["reset"]),
        ("ingest.claim_webhook_items", FAULTS["half-open"]),
    ],
    ids=[*(f"{function}-cut" for function in CLAIMS), "reset", "half-open"],
)
async def test_a_claim_that_is_committed_and_not_answered_is_made_again_and_the_trace_shows_it(
    network: Network,
    lead_load: LeadLoad,
    customer_rows: CustomerRows,
    customer: Customer,
    function: str,
    fault: Fault,
) -> None:
    async with asyncio.TaskGroup() as group:
        striking = group.create_task(network.strike(function, fault))
        await asyncio.sleep(0)
        await lead_load.send(LEADS, concurrent=5)
        await striking
    await customer_rows.check_consistency(LEADS)
    await is_traced(network, customer, customer_rows, CLAIMS[function])


@pytest.mark.parametrize("function", list(WRITES))
async def test_a_write_that_is_committed_and_not_answered_is_made_once_and_the_trace_shows_it(
    network: Network,
    lead_load: LeadLoad,
    customer_rows: CustomerRows,
    customer: Customer,
    function: str,
) -> None:
    async with asyncio.TaskGroup() as group:
        striking = group.create_task(network.strike(function, CUT))
        await asyncio.sleep(0)
        await lead_load.send(LEADS, concurrent=5)
        await striking
    await customer_rows.check_consistency(LEADS)
    await is_traced(network, customer, customer_rows, WRITES[function])


@broken
@pytest.mark.parametrize("line", EDGE_LINES)
async def test_everything_is_consistent_after_a_fault_behind_the_edge_and_callers_got_errors(
    network: Network,
    lead_load: LeadLoad,
    customer_rows: CustomerRows,
    customer: Customer,
    line: str,
    fault: Fault,
) -> None:
    async def reported() -> bool:
        return lead_load.refused > 0

    async with asyncio.TaskGroup() as group:
        group.create_task(send(lead_load, line, LEADS))
        await lead_load.accepts(LEADS // 5)
        network.lines[line].fault = fault
        try:
            await until(reported)
        finally:
            network.lines[line].fault = None
    await customer_rows.check_consistency(LEADS)
    if fault is CUT:
        await is_traced(network, customer, customer_rows, CUT_BEHIND_THE_EDGE[line])


@pytest.mark.parametrize("line", list(SLOW))
async def test_everything_is_consistent_on_a_slow_line_and_the_waterfall_shows_its_time(
    network: Network,
    lead_load: LeadLoad,
    customer_rows: CustomerRows,
    customer: Customer,
    line: str,
) -> None:
    network.lines[line].fault = LATENCY
    try:
        await send(lead_load, line, FEW)
        await customer_rows.check_consistency(FEW)
    finally:
        network.lines[line].fault = None
    waterfall = await network.waterfall(customer, await customer_rows.value(A_LEAD_OF_THE_PAGE))
    found = [
        bar["duration_ms"]
        for bar in waterfall["bars"]
        if (bar["service"], bar["name"]) == SLOW[line]
    ]
    assert max(found) >= 2 * LATENCY.seconds * 1000


@pytest.mark.parametrize("line", EDGE_LINES)
async def test_nobody_is_refused_on_a_slow_line_behind_the_edge(
    network: Network, lead_load: LeadLoad, customer_rows: CustomerRows, line: str
) -> None:
    network.lines[line].fault = LATENCY
    try:
        await send(lead_load, line, FEW)
    finally:
        network.lines[line].fault = None
    assert lead_load.refused == 0
    await customer_rows.check_consistency(lead_load.accepted)
