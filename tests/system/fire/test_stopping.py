"""SIGTERM under load: no failed call, claims given back, out within the grace period."""

import asyncio
import os
import signal
from typing import Final

import aiohttp
import grpc
import pytest

from deploy.local.customer import Customer
from deploy.local.ports import free_port
from deploy.local.stack import HOST, Stack
from services.chassis.client import CHANNEL_OPTIONS
from tests.system.conftest import a_customer
from tests.system.fire.books import Books
from tests.system.fire.callers import Callers, writes
from tests.system.fire.claims import CLAIMS, stalled_with_claims
from tests.system.fire.conftest import CREDITS
from tests.system.fire.flood import Flood
from tests.system.fire.stopping import stop_in_grace

CALLERS: Final = 8
LEADS: Final = 300

# Rows that a process of the service still holds, and open rows whose attempt was spent on nothing.
LEFT: Final = {
    "ingest": """
        select item_id from ingest.webhook_items i
        where org_id = $1 and (claim_expires_at > now() or status in ('pending', 'failed')
          and attempts <> (select count(*) from ingest.item_attempts a
            where a.org_id = i.org_id and a.item_id = i.item_id))
        union
        select outbox_id from ingest.outbox
        where org_id = $1 and (claim_expires_at > now()
          or status = 'pending' and attempts > 0 and last_error is null)""",
    "routing": """
        select lead_id from routing.leads l
        where org_id = $1 and (routing_lock_expires_at > now() or routing_status = 'pending'
          and routing_attempts <> (select count(*) from routing.lead_routing_logs g
            where g.org_id = l.org_id and g.lead_id = l.lead_id))
        union
        select outbox_id from routing.outbox
        where org_id = $1 and (claim_expires_at > now()
          or status = 'pending' and attempts > 0 and last_error is null)""",
    "delivery": """
        select delivery_id from delivery.deliveries d
        where org_id = $1 and (claim_expires_at > now() or status = 'PENDING'
          and attempt_count <> (select count(*) from delivery.attempts a
            where a.org_id = d.org_id and a.delivery_id = d.delivery_id))""",
}


async def stop_with_claims(stack: Stack, books: Books, service: str) -> None:
    """SIGTERM to a process that holds claims as it comes."""
    process = stack.supervisor.pid(service)
    await stalled_with_claims(books, process, service)
    stopping = asyncio.create_task(stop_in_grace(stack, service))
    # The signal is sent at once, and met when the process goes on.
    await asyncio.sleep(0)
    os.kill(process, signal.SIGCONT)
    await stopping


@pytest.mark.parametrize("service", list(CLAIMS))
async def test_a_stopped_service_gives_its_claims_back_with_the_attempt_unspent(
    stack: Stack, flood: Flood, books: Books, service: str
) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(flood.send(LEADS))
        await flood.accepts(LEADS // 3)
        await stop_with_claims(stack, books, service)
        assert await books.rows(LEFT[service]) == []
        await stack.start_program(service)
    await books.balance(LEADS)


@pytest.mark.parametrize("service", ["ingest", "routing", "delivery", "scheduling", "sync"])
async def test_no_call_fails_while_one_of_two_processes_is_stopped_under_load(
    stack: Stack, customer: Customer, session: aiohttp.ClientSession, service: str
) -> None:
    listen, logs = f"{HOST}:{free_port()}", stack.state.logs
    replica = await stack.start_replica(service, listen=listen)
    target = f"ipv4:{stack.address(service)},{listen}"
    # Leads of somebody else, so that the callers' own books are their own.
    loaded = await a_customer(stack, session, credits=CREDITS)
    load = Flood(stack, loaded, session)
    async with grpc.aio.insecure_channel(target, options=CHANNEL_OPTIONS) as channel:
        callers = Callers(writes(channel, customer)[service])
        async with asyncio.TaskGroup() as group:
            group.create_task(load.send(LEADS, concurrent=5))
            for _ in range(CALLERS):
                group.create_task(callers.run())
            await callers.reach(logs / f"{service}.log")
            await callers.reach(logs / f"{replica}.log")
            await stop_in_grace(stack, service)
            await callers.reach(logs / f"{replica}.log")
            await stack.start_program(service)
            await callers.reach(logs / f"{service}.log")
            await stop_in_grace(stack, replica)
            await callers.reach(logs / f"{service}.log")
            callers.stopped = True
    assert callers.failed == []
    await Books(stack, loaded).balance(LEADS)
