"""A backlog: with delivery stopped everything before it goes on, in bounds, and drains in order."""

import asyncio
import itertools
import time
from typing import Final

import aiohttp
import pytest

from deploy.local.customer import Customer
from deploy.local.stack import Stack
from tests.chaos.books import Books
from tests.chaos.conftest import CREDITS
from tests.chaos.flood import LEADS_PER_WEBHOOK, Flood
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


async def offer(floods: list[Flood], seconds: int) -> None:
    """Offers leads at fixed times, whatever the answers, to all customers in turn."""
    turns = itertools.cycle(floods)
    start = time.monotonic()
    async with asyncio.TaskGroup() as offers:
        for place in range(seconds * LEADS_PER_SECOND // LEADS_PER_WEBHOOK):
            planned = start + place * LEADS_PER_WEBHOOK / LEADS_PER_SECOND
            await asyncio.sleep(max(0.0, planned - time.monotonic()))
            offers.create_task(next(turns).whatsapp())


async def all_wait_for_delivery(books: list[Books]) -> None:
    """Returns when every lead is ready to be handed over."""

    async def do_wait() -> bool:
        standings = [await each.standing() for each in books]
        return all(one["stored"] == one["to_delivery"] == LEADS_EACH for one in standings)

    await until(do_wait, seconds_max=120)


async def delivered(books: list[Books]) -> int:
    """How many leads of the backlog have arrived."""
    return sum([(await each.standing())["delivered"] for each in books])


async def test_a_backlog_stays_in_bounds_and_drains_in_order_of_age_beside_new_leads(
    stack: Stack, customers: list[Customer], newcomer: Customer, session: aiohttp.ClientSession
) -> None:
    floods = [Flood(stack, customer, session) for customer in customers]
    books = [Books(stack, customer) for customer in customers]
    await stack.supervisor.stop("delivery")
    await offer(floods, WARM_SECONDS)
    warm = own_bytes(stack, WATCHED)
    await offer(floods, SECONDS - WARM_SECONDS)
    assert [flood.accepted for flood in floods] == [LEADS_EACH] * CUSTOMERS
    assert [flood.refused for flood in floods] == [0] * CUSTOMERS, "ingest goes on accepting"
    await all_wait_for_delivery(books)
    assert not grown(warm, own_bytes(stack, WATCHED), GROWTH_BYTES_MAX)

    await stack.start_program("delivery")
    new = Flood(stack, newcomer, session)
    for _ in range(NEWCOMERS):
        await new.post()
    await Books(stack, newcomer).delivered(NEWCOMERS)
    leads = LEADS_EACH * CUSTOMERS
    assert await delivered(books) < leads // 2, "the new ones did not wait for the backlog"

    async def some() -> bool:
        return await delivered(books) >= leads // 4

    await until(some, seconds_max=300)
    warm = own_bytes(stack, ("delivery", *WATCHED))
    for each in books:
        await each.delivered(LEADS_EACH, seconds_max=300)
    # Before the books are verified, for which the database sorts.
    assert not grown(warm, own_bytes(stack, ("delivery", *WATCHED)), GROWTH_BYTES_MAX)
    for each in books:
        await each.balance(LEADS_EACH)
        assert await each.value(JUMPED) < PLACES_MAX, "those that came first did not go first"
