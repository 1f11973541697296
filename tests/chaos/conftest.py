"""A system that may be broken: durable, with short leases, a fresh one for each module."""

import json
from collections.abc import AsyncIterator
from typing import Final

import aiohttp
import pytest

from deploy.local.ports import free_port
from deploy.local.sample_customer import Customer
from deploy.local.stack import Options, Stack, running_stack
from tests.chaos.customer_rows import CustomerRows
from tests.chaos.lead_load import LeadLoad
from tests.system.conftest import a_customer, discard, rows, samples, session

# Fixtures that both folders use.
__all__ = ["rows", "samples", "session"]

CREDITS: Final = 10_000
# Leases as short as their bounds allow: no test waits a minute for what was killed.
SETTINGS: Final = {
    "WAYBILL_INGEST_CALL_TIMEOUT_SECONDS": "3",
    "WAYBILL_INGEST_DATABASE_STATEMENT_TIMEOUT_SECONDS": "5",
    "WAYBILL_INGEST_GRAPH_TIMEOUT_SECONDS": "2",
    "WAYBILL_INGEST_ITEM_LEASE_SECONDS": "8",
    "WAYBILL_INGEST_HANDOFF_LEASE_SECONDS": "5",
    "WAYBILL_ROUTING_CALL_TIMEOUT_SECONDS": "3",
    "WAYBILL_ROUTING_DATABASE_STATEMENT_TIMEOUT_SECONDS": "5",
    "WAYBILL_ROUTING_ROUTE_LEASE_SECONDS": "5",
    "WAYBILL_ROUTING_OFFER_LEASE_SECONDS": "5",
    # Calendars are served by the tests themselves, on any port.
    "WAYBILL_SCHEDULING_OUTBOUND_ALLOWED_NETWORKS": '["127.0.0.0/8"]',
    "WAYBILL_DELIVERY_DATABASE_STATEMENT_TIMEOUT_SECONDS": "5",
    "WAYBILL_DELIVERY_OUTBOUND_TOTAL_SECONDS": "1",
    "WAYBILL_DELIVERY_SEND_LEASE_SECONDS": "16",
    "WAYBILL_DELIVERY_SEND_WORKSPACE_IN_FLIGHT_MAX": "50",
    "WAYBILL_DELIVERY_THROTTLE_SECONDS_MIN": "0.5",
    # What they read, and what they call, may take longer than a process has to end.
    "WAYBILL_SCHEDULING_CALL_TIMEOUT_SECONDS": "20",
    "WAYBILL_SCHEDULING_DRAIN_SECONDS": "4",
    "WAYBILL_SCHEDULING_REMINDERS_EVERY_SECONDS": "1",
    "WAYBILL_SYNC_DRAIN_SECONDS": "4",
    "WAYBILL_DELIVERY_RETRY_SCHEDULE_SECONDS": json.dumps([1.0, 2.0] + [3.0] * 10),
}


@pytest.fixture(scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """Everything `make run` starts, in a folder and on ports of its own, PostgreSQL durable."""
    folder = tmp_path_factory.mktemp("chaos")
    options = Options(edge_port=free_port(), service_env=SETTINGS)
    async with running_stack(folder, options, discard) as started:
        yield started


@pytest.fixture
async def customer(stack: Stack, session: aiohttp.ClientSession) -> Customer:
    """A fresh customer with credits for a lead_load."""
    return await a_customer(stack, session, credits=CREDITS)


@pytest.fixture
def lead_load(stack: Stack, customer: Customer, session: aiohttp.ClientSession) -> LeadLoad:
    """The customer's leads, not yet sent."""
    return LeadLoad(stack, customer, session)


@pytest.fixture
def customer_rows(stack: Stack, customer: Customer) -> CustomerRows:
    """The customer's rows."""
    return CustomerRows(stack, customer)
