"""SIGTERM under load: no failed call, out within the grace period."""

import asyncio
from typing import Final

import aiohttp
import grpc
import pytest

from deploy.local.ports import free_port
from deploy.local.sample_customer import Customer
from deploy.local.stack import HOST, Stack
from services.chassis.rpc.client import CHANNEL_OPTIONS
from tests.chaos.callers import METHODS, Callers, writes
from tests.chaos.conftest import CREDITS
from tests.chaos.customer_rows import CustomerRows
from tests.chaos.lead_load import LeadLoad
from tests.chaos.stopping import stop_in_grace
from tests.system.conftest import a_customer

CALLERS: Final = 8
LEADS: Final = 300


@pytest.mark.parametrize("service", ["ingest", "routing", "delivery", "scheduling", "sync"])
async def test_no_call_fails_while_one_of_two_processes_is_stopped_under_load(
    stack: Stack, customer: Customer, session: aiohttp.ClientSession, service: str
) -> None:
    listen, logs, method = f"{HOST}:{free_port()}", stack.state.logs, METHODS[service]
    replica = await stack.start_replica(service, listen=listen)
    target = f"ipv4:{stack.address(service)},{listen}"
    # Leads of another customer, so that the callers' own rows are their own.
    loaded = await a_customer(stack, session, credits=CREDITS)
    load = LeadLoad(stack, loaded, session)
    async with grpc.aio.insecure_channel(target, options=CHANNEL_OPTIONS) as channel:
        callers = Callers(writes(channel, customer)[service])
        async with asyncio.TaskGroup() as group:
            group.create_task(load.send(LEADS, concurrent=5))
            for _ in range(CALLERS):
                group.create_task(callers.run())
            await callers.reach(logs / f"{service}.log", method)
            await callers.reach(logs / f"{replica}.log", method)
            await stop_in_grace(stack, service)
            await callers.reach(logs / f"{replica}.log", method)
            await stack.start_program(service)
            await callers.reach(logs / f"{service}.log", method)
            await stop_in_grace(stack, replica)
            await callers.reach(logs / f"{service}.log", method)
            callers.stopped = True
    assert callers.failed == []
    await CustomerRows(stack, loaded).check_consistency(LEADS)
