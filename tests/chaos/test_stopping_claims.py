"""SIGTERM of ingest, routing and delivery while they hold what they cannot finish.

What they wait for does not answer for longer than a process has to end, and leases outlast it: a
claim that is gone afterwards was given back, with the attempt unspent; where a buyer may have the
lead already, its delivery was reported.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import aiohttp
import asyncpg
import msgspec
import pytest

from deploy.local.ports import free_port
from deploy.local.stack import Options, Stack, running_stack
from sandbox.meta_faults import DelayFault, FaultOrder
from tests.chaos.customer_rows import CustomerRows
from tests.chaos.lead_load import LEADS_PER_WEBHOOK, LeadLoad, run_bounded
from tests.chaos.stopping import leaving, stalled, stop_in_grace
from tests.system.conftest import discard
from tests.system.waiting import until

LEADS: Final = 60
WEBHOOKS: Final = 4
# Shorter than the deadline of any call, which is shorter than its lease.
SETTINGS: Final = {
    **{f"WAYBILL_{service}_DRAIN_SECONDS": "3" for service in ("INGEST", "ROUTING", "DELIVERY")},
    # A buyer that does not answer is tried again soon.
    "WAYBILL_DELIVERY_OUTBOUND_TOTAL_SECONDS": "5",
    "WAYBILL_DELIVERY_RETRY_SCHEDULE_SECONDS": json.dumps([2.0] * 10),
    # A claim that waits for a lock is given up, and made again.
    "WAYBILL_DELIVERY_DATABASE_STATEMENT_TIMEOUT_SECONDS": "5",
}

# Rows that a process of the service still holds, and open rows whose attempt was spent on nothing.
_OUTBOX: Final = """
    select outbox_id from {service}.outbox
    where org_id = $1 and (claim_token is not null
      or status = 'pending' and attempts > 0 and last_error is null)"""
LEFT: Final = {
    "ingest": f"""
        select item_id from ingest.webhook_items i
        where org_id = $1 and (claim_token is not null or status in ('pending', 'failed')
          and attempts <> (select count(*) from ingest.item_attempts a
            where a.org_id = i.org_id and a.item_id = i.item_id))
        union {_OUTBOX.format(service="ingest")}""",
    "routing": f"""
        select lead_id from routing.leads l
        where org_id = $1 and (routing_lock_token is not null or routing_status = 'pending'
          and routing_attempts <> (select count(*) from routing.lead_routing_logs g
            where g.org_id = l.org_id and g.lead_id = l.lead_id))
        union {_OUTBOX.format(service="routing")}""",
    "delivery": f"""
        select delivery_id from delivery.deliveries d
        where org_id = $1 and (claim_token is not null or status = 'PENDING'
          and attempt_count <> (select count(*) from delivery.attempts a
            where a.org_id = d.org_id and a.delivery_id = d.delivery_id))
        union {_OUTBOX.format(service="delivery")}""",
}
HELD_ITEMS: Final = """
    select count(*) from ingest.webhook_items where org_id = $1 and claim_token is not null"""
HELD_HANDOFFS: Final = """
    select count(*) from {service}.outbox
    where org_id = $1 and topic = '{topic}' and claim_token is not null"""
HELD_DELIVERIES: Final = """
    select count(*) from delivery.deliveries where org_id = $1 and claim_token is not null"""
UNANSWERED: Final = """
    select count(*) from delivery.attempts where org_id = $1 and outcome in ('retry', 'unknown')"""
DUE_DELIVERIES: Final = """
    select count(*) = $2 from delivery.deliveries
    where org_id = $1 and status = 'PENDING' and due_at <= now()"""
STORING_DECISIONS: Final = """
    select count(*) from pg_stat_activity, routing.leads
    where wait_event_type = 'Lock' and query like '% routing.complete_routings(%'
      and org_id = $1 and routing_lock_token is not null"""
# A claim that finds all of them: it began when they were there.
CLAIMING_DELIVERIES: Final = """
    select count(*) from pg_stat_activity
    where wait_event_type = 'Lock' and query like '% delivery.claim_deliveries(%'
      and query_start > (select max(created_at) from delivery.deliveries where org_id = $1)"""
HANDOFFS: Final = {
    ("ingest", "routing"): "routing.enqueue_leads",
    ("routing", "delivery"): "delivery.offer_leads",
    ("delivery", "sync"): "sync.delivery_events",
}


@pytest.fixture(scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """A system with the leases that it has in earnest, and little time to end."""
    folder = tmp_path_factory.mktemp("claims")
    options = Options(edge_port=free_port(), service_env=SETTINGS)
    async with running_stack(folder, options, discard) as started:
        yield started


@asynccontextmanager
async def silent_meta(stack: Stack, session: aiohttp.ClientSession) -> AsyncIterator[None]:
    """Meta answers no question about a lead until the end of the block."""
    control = f"{stack.meta_url}/_control"
    order = msgspec.json.encode(FaultOrder(times=1000, what=DelayFault()))
    async with session.put(f"{control}/faults", data=order) as answer:
        answer.raise_for_status()
    try:
        yield
    finally:
        for request in (session.delete(f"{control}/faults"), session.post(f"{control}/release")):
            async with request as answer:
                answer.raise_for_status()


@asynccontextmanager
async def nobody_writes(stack: Stack, table: str) -> AsyncIterator[None]:
    """Whoever would write to the table waits until the block ends."""
    connection = await asyncpg.connect(stack.database_url)
    try:
        async with connection.transaction():
            await connection.execute(f"lock table {table} in share mode")
            yield
    finally:
        await connection.close()


async def there_are(customer_rows: CustomerRows, sql: str, *arguments: int) -> None:
    """Returns when the database counts some."""

    async def are() -> bool:
        return bool(await customer_rows.value(sql, *arguments))

    await until(are)


async def test_items_that_meta_does_not_answer_are_given_back(
    stack: Stack, session: aiohttp.ClientSession, lead_load: LeadLoad, customer_rows: CustomerRows
) -> None:
    async with silent_meta(stack, session):
        await run_bounded([lead_load.lead_ads] * WEBHOOKS, WEBHOOKS)
        await there_are(customer_rows, HELD_ITEMS)
        await stop_in_grace(stack, "ingest")
        left = await customer_rows.rows(LEFT["ingest"])
    await stack.start_program("ingest")
    assert left == []
    await customer_rows.check_consistency(WEBHOOKS * LEADS_PER_WEBHOOK)


@pytest.mark.parametrize(("service", "receiver"), list(HANDOFFS))
async def test_handoffs_that_the_receiver_does_not_take_are_given_back(
    stack: Stack, lead_load: LeadLoad, customer_rows: CustomerRows, service: str, receiver: str
) -> None:
    topic = HANDOFFS[service, receiver]
    async with stalled(stack, receiver):
        await run_bounded([lead_load.post] * LEADS, 10)
        await there_are(customer_rows, HELD_HANDOFFS.format(service=service, topic=topic))
        await stop_in_grace(stack, service)
        left = await customer_rows.rows(LEFT[service])
    await stack.start_program(service)
    assert left == []
    await customer_rows.check_consistency(LEADS)


async def test_leads_whose_decisions_cannot_be_stored_are_given_back(
    stack: Stack, lead_load: LeadLoad, customer_rows: CustomerRows
) -> None:
    async with nobody_writes(stack, "routing.lead_routing_logs"):
        await run_bounded([lead_load.post] * LEADS, 10)
        await there_are(customer_rows, STORING_DECISIONS)
        await stop_in_grace(stack, "routing")
        left = await customer_rows.rows(LEFT["routing"])
    await stack.start_program("routing")
    assert left == []
    await customer_rows.check_consistency(LEADS)


async def test_deliveries_that_are_claimed_while_delivery_is_asked_to_end_are_given_back(
    stack: Stack, lead_load: LeadLoad, customer_rows: CustomerRows
) -> None:
    async with nobody_writes(stack, "delivery.attempts"):
        await run_bounded([lead_load.post] * LEADS, 10)
        await there_are(customer_rows, DUE_DELIVERIES, LEADS)
        await there_are(customer_rows, CLAIMING_DELIVERIES)
        stopping = asyncio.create_task(stop_in_grace(stack, "delivery"))
        await leaving(stack, "delivery")
    await stopping
    left = await customer_rows.rows(LEFT["delivery"])
    all_are_due = await customer_rows.value(DUE_DELIVERIES, LEADS)
    await stack.start_program("delivery")
    assert left == []
    assert all_are_due
    await customer_rows.check_consistency(LEADS)


async def test_deliveries_that_buyers_do_not_answer_are_reported_before_the_end(
    stack: Stack, lead_load: LeadLoad, customer_rows: CustomerRows
) -> None:
    async with stalled(stack, "buyers"):
        await run_bounded([lead_load.post] * LEADS, 10)
        await there_are(customer_rows, HELD_DELIVERIES)
        await stop_in_grace(stack, "delivery")
        left = await customer_rows.rows(LEFT["delivery"])
        unanswered = await customer_rows.value(UNANSWERED)
    await stack.start_program("delivery")
    assert left == []
    assert unanswered
    await customer_rows.check_consistency(LEADS)
