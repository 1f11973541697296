"""A backlog: with delivery stopped everything before it goes on, in bounds, and drains in order."""

import asyncio
import itertools
import time
from typing import Final

import aiohttp
import pytest

from deploy.local.sample_customer import Customer
from deploy.local.stack import Stack
from tests.chaos.conftest import CREDITS
from tests.chaos.customer_rows import CustomerRows
from tests.chaos.lead_load import LEADS_PER_WEBHOOK, LeadLoad
from tests.chaos.memory import MIB, grown, own_bytes
from tests.system.conftest import a_customer
from tests.system.waiting import until

LEADS_PER_SECOND: Final = 200
SECONDS: Final = 60
# Caches, pools and plans have been filled by then.
WARM_SECONDS: Final = 20
CUSTOMERS: Final = 5
LEADS_EACH: Final = LEADS_PER_SECOND * SECONDS // CUSTOMERS
NEWCOMERS: Final = 20
WATCHED: Final = ("ingest", "routing", "scheduling", "sync", "edge")
# Of each process. What is kept in memory of 8,000 leads takes more, be it a kilobyte of each.
GROWTH_BYTES_MAX: Final = 8 * MIB
# A batch of a handoff, whose leads arrive at one instant.
PLACES_MAX: Final = 200

# By how many places a lead was sent before its turn, at most.
JUMPED: Final = """
select max(by_age - by_sending) from (
  select row_number() over (order by l.created_at) as by_age,
    row_number() over (order by t.started_at, l.created_at) as by_sending
  from delivery.attempts t
  join delivery.deliveries d using (org_id, delivery_id)
  join ingest.leads l using (org_id, lead_id)
  where d.org_id = $1 and t.number = 1) placed"""


@pytest.fixture
async def customers(stack: Stack, session: aiohttp.ClientSession) -> list[Customer]:
    """Those who have a backlog."""
    return [await a_customer(stack, session, credits=CREDITS) for _ in range(CUSTOMERS)]


@pytest.fixture
async def newcomer(stack: Stack, session: aiohttp.ClientSession) -> Customer:
    """Another customer, who comes when the backlog is there."""
    return await a_customer(stack, session, credits=CREDITS)


async def offer(loads: list[LeadLoad], seconds: int) -> None:
    """Offers leads at fixed times, whatever the answers, to all customers in turn."""
    turns = itertools.cycle(loads)
    start = time.monotonic()
    async with asyncio.TaskGroup() as offers:
        for place in range(seconds * LEADS_PER_SECOND // LEADS_PER_WEBHOOK):
            planned = start + place * LEADS_PER_WEBHOOK / LEADS_PER_SECOND
            await asyncio.sleep(max(0.0, planned - time.monotonic()))
            offers.create_task(next(turns).whatsapp())


async def all_wait_for_delivery(all_rows: list[CustomerRows]) -> None:
    """Returns when every lead is ready to be handed over."""

    async def do_wait() -> bool:
        counts = [await each.lead_counts() for each in all_rows]
        return all(one["stored"] == one["to_delivery"] == LEADS_EACH for one in counts)

    await until(do_wait, seconds_max=120)


async def delivered(all_rows: list[CustomerRows]) -> int:
    """How many leads of the backlog have arrived."""
    return sum([(await each.lead_counts())["delivered"] for each in all_rows])


async def test_a_backlog_stays_in_bounds_and_drains_in_order_of_age_beside_new_leads(
    stack: Stack, customers: list[Customer], newcomer: Customer, session: aiohttp.ClientSession
) -> None:
    loads = [LeadLoad(stack, customer, session) for customer in customers]
    all_rows = [CustomerRows(stack, customer) for customer in customers]
    await stack.supervisor.stop("delivery")
    await offer(loads, WARM_SECONDS)
    warm = own_bytes(stack, WATCHED)
    await offer(loads, SECONDS - WARM_SECONDS)
    assert [lead_load.accepted for lead_load in loads] == [LEADS_EACH] * CUSTOMERS
    assert [lead_load.refused for lead_load in loads] == [0] * CUSTOMERS, "ingest goes on accepting"
    await all_wait_for_delivery(all_rows)
    assert not grown(warm, own_bytes(stack, WATCHED), GROWTH_BYTES_MAX)

    await stack.start_program("delivery")
    new = LeadLoad(stack, newcomer, session)
    for _ in range(NEWCOMERS):
        await new.post()
    await CustomerRows(stack, newcomer).delivered(NEWCOMERS)
    leads = LEADS_EACH * CUSTOMERS
    assert await delivered(all_rows) < leads // 2, "the new ones did not wait for the backlog"

    async def some() -> bool:
        return await delivered(all_rows) >= leads // 4

    await until(some, seconds_max=300)
    warm = own_bytes(stack, ("delivery", *WATCHED))
    for each in all_rows:
        await each.delivered(LEADS_EACH, seconds_max=300)
    # Before the consistency check, for which the database sorts.
    assert not grown(warm, own_bytes(stack, ("delivery", *WATCHED)), GROWTH_BYTES_MAX)
    for each in all_rows:
        await each.check_consistency(LEADS_EACH)
        assert await each.value(JUMPED) < PLACES_MAX, "those that came first did not go first"
