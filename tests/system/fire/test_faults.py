"""Faults of the network on every line: the books balance after each, and the trace tells of it."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
import pytest

from deploy.local.customer import Customer, Identity, set_up
from deploy.local.ports import free_port
from deploy.local.stack import HOST, Options, Stack, running
from deploy.local.state import State
from tests.sandbox.fault_proxy import CutAfter, Fault, FaultProxy, HalfOpen, Latency, Reset
from tests.system.conftest import hear
from tests.system.fire.books import Books, waybill
from tests.system.fire.conftest import CREDITS, SETTINGS
from tests.system.fire.flood import Flood, run_bounded
from tests.system.waiting import until

LEADS: Final = 50
# A fault of the database that finds no work under way leaves nothing to tell of: it is shown again.
ROUNDS_MAX: Final = 5
_ids_at_meta = itertools.count(3 * 10**14, 10**6)
# Each way; the shortest of the deadlines on these lines, a buyer's, is a second.
LATENCY: Final = Latency(seconds=0.2)
FEW: Final = 25
# Connections that are open pass on what they are told to do; of the answer nothing comes back.
CUT: Final = CutAfter(to_client_bytes=0)
LINES: Final = ("postgres", "routing", "delivery", "sync", "meta", "buyers")
# Between the edge and ingest: who calls is told, and calls again.
EDGE_LINE: Final = "edge-ingest"

# For each line the traces that tell of a fault on it, each with what the waterfall must show.
RETRIED_HANDOFF: Final = """
    select trace_id, '"attempts": ' || attempts from {service}.outbox
    where org_id = $1 and topic = '{topic}' and attempts > 1 and status = 'sent'"""
EVIDENCE: Final = {
    "routing": RETRIED_HANDOFF.format(service="ingest", topic="routing.enqueue_leads"),
    "delivery": RETRIED_HANDOFF.format(service="routing", topic="delivery.offer_leads"),
    "sync": RETRIED_HANDOFF.format(service="ingest", topic="sync.record_events"),
    "meta": """
        select trace_id, '"outcome": "retry"' from ingest.item_attempts
        where org_id = $1 and outcome = 'retry'""",
    "buyers": """
        select trace_id, '"outcome": "' || outcome || '"' from delivery.attempts
        where org_id = $1 and outcome in ('retry', 'unknown')""",
}
# What a buyer's own failure leaves, a 'retry', is not among it.
EVIDENCE["postgres"] = f"""
    {EVIDENCE["routing"]} union {EVIDENCE["delivery"]}
    union
    select trace_id, '"outcome": "unknown"' from delivery.attempts
    where org_id = $1 and outcome = 'unknown'
    union
    select trace_id, '"outcome": "interrupted"' from ingest.item_attempts
    where org_id = $1 and outcome = 'interrupted'
    union
    select trace_id, '"interrupted": ' || routing_interruption_count from routing.leads
    where org_id = $1 and routing_interruption_count > 0"""
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
    "meta": ("ingest", "process leadgen"),
    "buyers": ("delivery", "delivery attempt"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """The lines between the processes, each with a proxy on it, and the running system."""

    lines: dict[str, FaultProxy]
    stack: Stack


@pytest.fixture(scope="module")
async def network(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Network]:
    """A system whose services reach their database, each other, Meta and buyers by proxies."""
    folder = tmp_path_factory.mktemp("faults")
    state = State.open(folder)
    ports = {"postgres": free_port(), "routing": state.port("routing")}
    ports |= {name: state.port(name) for name in ("delivery", "sync")}
    ports[EDGE_LINE] = state.port("ingest")
    ports |= {name: state.port(name, fixed=True) for name in ("meta", "buyers")}
    async with AsyncExitStack() as proxies:
        lines = {
            name: await proxies.enter_async_context(FaultProxy(HOST, port))
            for name, port in ports.items()
        }
        targets = {name: f"{HOST}:{proxy.port}" for name, proxy in lines.items()}
        options = Options(
            edge_port=free_port(),
            postgres_port=ports["postgres"],
            service_env=SETTINGS,
            targets=targets | {"meta": f"http://{targets['meta']}"},
        )
        async with running(folder, options, hear) as started:
            yield Network(lines=lines, stack=started)


@pytest.fixture(scope="module")
def stack(network: Network) -> Stack:
    """The system behind the proxies."""
    return network.stack


@pytest.fixture
async def customer(network: Network, session: aiohttp.ClientSession) -> Customer:
    """A fresh customer whose buyers are reached by their proxy."""
    number = next(_ids_at_meta)
    return await set_up(
        session,
        edge_url=network.stack.edge_url,
        buyers_url=f"http://{HOST}:{network.lines['buyers'].port}",
        keys=network.stack.keys,
        run="only",
        identity=Identity(
            name=f"faults-{number}", page_id=str(number), phone_number_id=str(number + 1)
        ),
        credits=CREDITS,
    )


broken = pytest.mark.parametrize(
    "fault", [Reset(), HalfOpen(), CUT], ids=["reset", "half-open", "cut"]
)


async def send(flood: Flood, line: str, leads: int) -> None:
    """Sends leads that come over the line."""
    if line == "sync":
        await run_bounded([flood.messenger] * leads, 5)
    else:
        await flood.send(leads, concurrent=5)


@broken
@pytest.mark.parametrize("line", LINES)
async def test_the_books_balance_after_a_fault_and_the_trace_tells_of_it(
    network: Network, flood: Flood, books: Books, customer: Customer, line: str, fault: Fault
) -> None:
    told: list[tuple[str, str]] = []
    for start in range(0, ROUNDS_MAX * LEADS, LEADS):
        async with asyncio.TaskGroup() as group:
            group.create_task(send(flood, line, LEADS))
            await flood.accepts(start + LEADS // 5)
            await shown(network, line, fault)
        await books.balance(start + LEADS)
        if told := await books.rows(EVIDENCE[line]):
            break
    assert told, "no trace tells of the fault"
    trace_id, words = told[0]
    assert words in json.dumps(await waterfall_of(network, customer, trace_id))


@broken
async def test_the_books_balance_after_a_fault_behind_the_edge_and_callers_were_told(
    network: Network, flood: Flood, books: Books, fault: Fault
) -> None:
    async def told() -> bool:
        return flood.refused > 0

    async with asyncio.TaskGroup() as group:
        group.create_task(flood.send(LEADS, concurrent=5))
        await flood.accepts(LEADS // 5)
        network.lines[EDGE_LINE].fault = fault
        try:
            await until(told)
        finally:
            network.lines[EDGE_LINE].fault = None
    await books.balance(LEADS)


async def shown(network: Network, line: str, fault: Fault) -> None:
    """Shows the fault on the line until a service has met it."""
    logs = network.stack.state.logs

    def met() -> int:
        return sum(
            (logs / f"{name}.log").read_text().count(sign)
            for name in ("ingest", "routing", "delivery")
            for sign in SIGNS[line]
        )

    before = met()

    async def is_met() -> bool:
        return met() > before

    network.lines[line].fault = fault
    try:
        await until(is_met, seconds_max=30)
    finally:
        network.lines[line].fault = None


# What a service says when it meets a fault on the line.
SIGNS: Final = {
    "postgres": ("waits out an outage", "left to its lease"),
    "routing": ('EnqueueLeads", "outcome": "UNAVAILABLE', 'EnqueueLeads", "outcome": "DEADLINE'),
    "delivery": ('OfferLeads", "outcome": "UNAVAILABLE', 'OfferLeads", "outcome": "DEADLINE'),
    "sync": ('RecordEvents", "outcome": "UNAVAILABLE', 'RecordEvents", "outcome": "DEADLINE'),
    "meta": ('"outcome": "retry"',),
    "buyers": ('"outcome": "retry"', '"outcome": "unknown"'),
}


@pytest.mark.parametrize("line", LINES)
async def test_the_books_balance_on_a_slow_line_and_the_waterfall_shows_its_time(
    network: Network, flood: Flood, books: Books, customer: Customer, line: str
) -> None:
    network.lines[line].fault = LATENCY
    try:
        await send(flood, line, FEW)
        await books.balance(FEW)
    finally:
        network.lines[line].fault = None
    waterfall = await waterfall_of(network, customer, await books.value(A_LEAD_OF_THE_PAGE))
    found = [
        bar["duration_ms"]
        for bar in waterfall["bars"]
        if (bar["service"], bar["name"]) == SLOW[line]
    ]
    assert max(found) >= 2 * LATENCY.seconds * 1000


async def waterfall_of(network: Network, customer: Customer, trace_id: str) -> Any:
    """The one waterfall that `waybill trace` prints of a trace."""
    code, printed = await waybill(network.stack, customer, "trace", trace_id, "--json")
    assert code == 0, printed
    (waterfall,) = json.loads(printed)["waterfalls"]
    return waterfall
