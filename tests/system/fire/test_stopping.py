"""SIGTERM under load: no failed call, claims given back, out within the grace period."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import grpc
import pytest

from deploy.local.customer import Customer
from deploy.local.ports import free_port
from deploy.local.stack import HOST, Stack
from services.chassis.client import CHANNEL_OPTIONS
from tests.system.fire.books import Books
from tests.system.fire.flood import Flood
from tests.system.waiting import until
from waybill.delivery.v1 import delivery_service_pb2 as delivery
from waybill.delivery.v1.delivery_service_pb2_grpc import DeliveryServiceStub
from waybill.ingest.v1 import ingest_service_pb2 as ingest
from waybill.ingest.v1.ingest_service_pb2_grpc import IngestServiceStub
from waybill.routing.v1 import routing_service_pb2 as routing
from waybill.routing.v1.routing_service_pb2_grpc import RoutingServiceStub

# What the supervisor gives a service between SIGTERM and SIGKILL, less a margin.
GRACE_SECONDS: Final = 20.0
CALLERS: Final = 8
ANSWERS: Final = 50
SERVICES: Final = ("ingest", "routing", "delivery")

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


async def stop_in_grace(stack: Stack, name: str) -> None:
    """SIGTERM, and an end that the supervisor did not have to force."""
    asked = time.monotonic()
    await stack.supervisor.stop(name)
    assert time.monotonic() - asked < GRACE_SECONDS


@pytest.mark.parametrize("service", SERVICES)
async def test_a_stopped_service_gives_its_claims_back_with_the_attempt_unspent(
    stack: Stack, flood: Flood, books: Books, service: str
) -> None:
    leads = 300
    async with asyncio.TaskGroup() as group:
        group.create_task(flood.send(leads))
        await flood.accepts(leads // 3)
        await stop_in_grace(stack, service)
        assert await books.rows(LEFT[service]) == []
        await stack.start_program(service)
    await books.balance(leads)


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


def a_call(service: str, channel: grpc.aio.Channel, customer: Customer) -> Callable[[], Any]:
    """A call of the service as the tenant makes it."""
    metadata = (("authorization", f"Bearer {customer.api.token}"),)

    def create_lead() -> Any:
        request = ingest.CreateLeadRequest(
            customer_phone="0151 23456789", type="order", request_id=str(uuid4())
        )
        return IngestServiceStub(channel).CreateLead(request, timeout=10, metadata=metadata)

    def list_workspaces() -> Any:
        request = routing.ListWorkspacesRequest()
        return RoutingServiceStub(channel).ListWorkspaces(request, timeout=10, metadata=metadata)

    def get_balance() -> Any:
        request = delivery.GetBalanceRequest(workspace_id=customer.alpha)
        return DeliveryServiceStub(channel).GetBalance(request, timeout=10, metadata=metadata)

    return {"ingest": create_lead, "routing": list_workspaces, "delivery": get_balance}[service]


@pytest.mark.parametrize("service", SERVICES)
async def test_no_call_fails_while_one_of_two_processes_is_stopped(
    stack: Stack, customer: Customer, service: str
) -> None:
    listen, logs = f"{HOST}:{free_port()}", stack.state.logs
    replica = await stack.start_replica(service, listen=listen)
    target = f"ipv4:{stack.address(service)},{listen}"
    async with grpc.aio.insecure_channel(target, options=CHANNEL_OPTIONS) as channel:
        callers = Callers(a_call(service, channel, customer))
        async with asyncio.TaskGroup() as group:
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
