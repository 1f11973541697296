"""Faults of the network beside a lead's way: delivery asks routing, scheduling reports to sync."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Final
from uuid import uuid4

import aiohttp
import pytest

from deploy.local.sample_customer import Customer, RefusedError
from deploy.local.stack import Stack
from sandbox.fault_proxy import Fault
from tests.chaos.bookings import Bookings, a_calendar
from tests.chaos.customer_rows import CustomerRows
from tests.chaos.network import LATENCY, Network, broken, networked, of_call
from tests.system.waiting import until

BOOKINGS: Final = 20
FEW: Final = 5
TELLING: Final = "handoff sync.appointment_events"
RETRIED: Final = """
    select trace_id, '"attempts": ' || attempts from scheduling.outbox
    where org_id = $1 and attempts > 1 and status = 'sent'"""
A_BOOKING: Final = "select trace_id from scheduling.appointments where org_id = $1"
# The grants of a workspace, and delivery's copy of it.
GRANTED: Final = """
    select (select count(*) from delivery.credit_transactions
             where org_id = $1 and workspace_id = $2) as grants,
      (select count(*) from delivery.workspaces
        where org_id = $1 and workspace_id = $2) as copies"""


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
    """A fresh customer."""
    return await network.customer(session)


@pytest.fixture
async def bookings(customer: Customer) -> Bookings:
    """The customer's bookings, not yet sent."""
    return Bookings(customer, await a_calendar(customer))


@broken
async def test_each_booking_is_told_once_after_a_fault_and_its_trace_tells_of_it(
    network: Network,
    customer: Customer,
    customer_rows: CustomerRows,
    bookings: Bookings,
    fault: Fault,
) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(bookings.send(BOOKINGS))
        await network.show("scheduling-sync", fault, of_call("scheduling", "RecordEvents"))
    await bookings.are_told(customer_rows)
    await customer_rows.verify()
    found = await customer_rows.rows(RETRIED)
    assert found, "no trace shows the fault"
    trace_id, words = found[0]
    assert words in json.dumps(await network.waterfall(customer, trace_id))


async def test_each_booking_is_told_once_on_a_slow_line_and_the_waterfall_shows_its_time(
    network: Network, customer: Customer, customer_rows: CustomerRows, bookings: Bookings
) -> None:
    network.lines["scheduling-sync"].fault = LATENCY
    try:
        await bookings.send(FEW)
        await bookings.are_told(customer_rows)
    finally:
        network.lines["scheduling-sync"].fault = None
    await customer_rows.verify()
    waterfall = await network.waterfall(customer, await customer_rows.value(A_BOOKING))
    found = [bar["duration_ms"] for bar in waterfall["bars"] if bar["name"] == TELLING]
    assert max(found) >= 2 * LATENCY.seconds * 1000


async def a_workspace(customer: Customer) -> str:
    """A workspace that delivery does not know yet; its id."""
    asked = {"requestId": str(uuid4()), "name": "new"}
    created = await customer.api.post("/api/workspaces", asked)
    workspace_id: str = created["workspace"]["workspaceId"]
    return workspace_id


async def granted(customer_rows: CustomerRows, workspace_id: str) -> tuple[int, int]:
    """How many grants the workspace has, and how many copies delivery has of it."""
    ((grants, copies),) = await customer_rows.rows(GRANTED, workspace_id)
    return grants, copies


@broken
async def test_a_grant_that_routing_cannot_be_asked_about_is_refused_and_granted_once_afterwards(
    network: Network, customer: Customer, customer_rows: CustomerRows, fault: Fault
) -> None:
    workspace_id = await a_workspace(customer)
    path = f"/api/workspaces/{workspace_id}/credits/grant"
    grant = {"requestId": str(uuid4()), "credits": 5, "reason": "a test"}
    network.lines["delivery-routing"].fault = fault
    try:
        with pytest.raises(RefusedError, match=r"503 .*Routing, which knows the workspace"):
            await customer.api.post(path, grant)
    finally:
        network.lines["delivery-routing"].fault = None
    # Nothing was done, so no trace could show it; the caller got an error.
    assert await granted(customer_rows, workspace_id) == (0, 0)

    async def is_granted() -> bool:
        return bool(await customer.api.post(path, grant))

    await until(is_granted)
    assert await customer.api.post(path, grant)
    assert await granted(customer_rows, workspace_id) == (1, 1)
    await customer_rows.verify()


async def test_a_grant_is_granted_on_a_slow_line(
    network: Network, customer: Customer, customer_rows: CustomerRows
) -> None:
    workspace_id = await a_workspace(customer)
    grant = {"requestId": str(uuid4()), "credits": 5, "reason": "a test"}
    network.lines["delivery-routing"].fault = LATENCY
    try:
        await customer.api.post(f"/api/workspaces/{workspace_id}/credits/grant", grant)
    finally:
        network.lines["delivery-routing"].fault = None
    assert await granted(customer_rows, workspace_id) == (1, 1)
