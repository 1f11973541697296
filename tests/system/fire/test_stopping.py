"""SIGTERM under load: no failed call, claims given back, out within the grace period."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import aiohttp
import grpc
import pytest

from deploy.local.customer import PAGE_TOKEN, Customer
from deploy.local.ports import free_port
from deploy.local.stack import HOST, Stack
from services.chassis.client import CHANNEL_OPTIONS
from tests.system.conftest import a_customer
from tests.system.fire.books import Books
from tests.system.fire.claims import CLAIMS, stalled_with_claims
from tests.system.fire.conftest import CREDITS
from tests.system.fire.flood import Flood
from tests.system.fire.stopping import stop_in_grace
from tests.system.waiting import until
from waybill.delivery.v1 import delivery_service_pb2 as delivery
from waybill.delivery.v1.delivery_service_pb2_grpc import DeliveryServiceStub
from waybill.ingest.v1 import ingest_service_pb2 as ingest
from waybill.ingest.v1.ingest_service_pb2_grpc import IngestServiceStub
from waybill.routing.v1 import routing_service_pb2 as routing
from waybill.routing.v1.routing_service_pb2_grpc import RoutingServiceStub
from waybill.scheduling.v1 import scheduling_service_pb2 as scheduling
from waybill.scheduling.v1.scheduling_service_pb2_grpc import SchedulingServiceStub
from waybill.sync.v1 import sync_service_pb2 as sync
from waybill.sync.v1.sync_service_pb2_grpc import SyncServiceStub

CALLERS: Final = 8
ANSWERS: Final = 50
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


class Callers:
    """Callers that follow the service config and call until they are told to stop."""

    def __init__(self, call: Callable[[], Awaitable[Any]]) -> None:
        self._call = call
        self.answered = 0
        self.failed: list[str] = []
        self.stopped = False

    async def run(self) -> None:
        """Calls again and again."""
        while not self.stopped:
            try:
                await self._call()
                self.answered += 1
            except grpc.aio.AioRpcError as error:
                self.failed.append(f"{error.code().name}: {error.details()}")

    async def reach(self, log: Path) -> None:
        """Returns when the process that writes the log has answered some more of the calls."""
        before = calls_in(log)

        async def reached() -> bool:
            return calls_in(log) >= before + ANSWERS

        await until(reached)


def calls_in(log: Path) -> int:
    """How many calls a process has answered, by its log."""
    return log.read_text().count('"kind": "rpc"') if log.exists() else 0


def writes(channel: grpc.aio.Channel, customer: Customer) -> dict[str, Callable[[], Any]]:
    """For each service a write that a client may repeat, as the tenant makes it."""
    how: Any = {"timeout": 10, "metadata": (("authorization", f"Bearer {customer.api.token}"),)}

    def create_lead() -> Any:
        request = ingest.CreateLeadRequest(
            customer_phone="0151 23456789", type="order", request_id=str(uuid4())
        )
        return IngestServiceStub(channel).CreateLead(request, **how)

    def create_workspace() -> Any:
        request = routing.CreateWorkspaceRequest(request_id=str(uuid4()), name="another")
        return RoutingServiceStub(channel).CreateWorkspace(request, **how)

    def grant_credits() -> Any:
        request = delivery.GrantCreditsRequest(
            workspace_id=customer.alpha, request_id=str(uuid4()), credits=1, reason="a test"
        )
        return DeliveryServiceStub(channel).GrantCredits(request, **how)

    def create_calendar() -> Any:
        request = scheduling.CreateCalendarRequest(
            request_id=str(uuid4()), name="Ada", kind="person", zone="Europe/Berlin"
        )
        return SchedulingServiceStub(channel).CreateCalendar(request, **how)

    def connect_page() -> Any:
        request = sync.ConnectPageRequest(
            request_id=str(uuid4()),
            platform="messenger",
            facebook_page_id=customer.identity.page_id,
            access_token=PAGE_TOKEN,
        )
        return SyncServiceStub(channel).ConnectPage(request, **how)

    return {
        "ingest": create_lead,
        "routing": create_workspace,
        "delivery": grant_credits,
        "scheduling": create_calendar,
        "sync": connect_page,
    }


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
