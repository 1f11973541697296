"""A backlog: with delivery stopped everything before it goes on, in bounds, and drains in order."""

import asyncio
import time
from pathlib import Path
from typing import Final

import aiohttp
import pytest

from deploy.local.customer import Customer
from deploy.local.stack import Stack
from tests.system.conftest import a_customer
from tests.system.fire.books import Books
from tests.system.fire.conftest import CREDITS
from tests.system.fire.flood import Flood
from tests.system.waiting import until

LEADS_PER_SECOND: Final = 200
SECONDS: Final = 9
LEADS_PER_WEBHOOK: Final = 5
# Caches, pools and arenas of a Python process that is busy for the first time reach this; a queue
# kept in memory would take more with every second.
GROWTH_BYTES_MAX: Final = 24 * 1024 * 1024
INVERSION_SECONDS_MAX: Final = 5.0
NEWCOMERS: Final = 20

# By how much a lead that was handed over earlier is the younger one, at most.
AGE_INVERSION: Final = """
select max(extract(epoch from youngest - created_at)) from (
  select l.created_at, max(l.created_at) over (order by d.created_at) as youngest
  from delivery.deliveries d
  join ingest.leads l using (org_id, lead_id)
  where d.org_id = $1) moved"""


def resident_bytes(process: int) -> int:
    """Physical memory of a process: proc(5), VmRSS."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"process {process} has no memory")


async def offer(flood: Flood, seconds: int) -> float:
    """Offers leads at fixed times, whatever the answers; answers the longest that one took."""
    webhooks = seconds * LEADS_PER_SECOND // LEADS_PER_WEBHOOK
    longest = 0.0

    async def one() -> None:
        nonlocal longest
        sent_at = time.monotonic()
        await flood.whatsapp()
        longest = max(longest, time.monotonic() - sent_at)

    start = time.monotonic()
    async with asyncio.TaskGroup() as offers:
        for place in range(webhooks):
            planned = start + place * LEADS_PER_WEBHOOK / LEADS_PER_SECOND
            await asyncio.sleep(max(0.0, planned - time.monotonic()))
            offers.create_task(one())
    return longest


@pytest.fixture
async def newcomer(stack: Stack, session: aiohttp.ClientSession) -> Customer:
    """Another customer, who comes when the backlog is there."""
    return await a_customer(stack, session, credits=CREDITS)


async def test_a_backlog_stays_in_bounds_and_drains_in_order_of_age_beside_new_leads(
    stack: Stack,
    flood: Flood,
    books: Books,
    newcomer: Customer,
    session: aiohttp.ClientSession,
) -> None:
    watched = ("ingest", "routing", "edge")
    await stack.supervisor.stop("delivery")
    await offer(flood, SECONDS // 3)
    before = {name: resident_bytes(stack.supervisor.pid(name)) for name in watched}
    longest = await offer(flood, SECONDS - SECONDS // 3)
    leads = SECONDS * LEADS_PER_SECOND
    assert flood.accepted == leads
    assert longest < 5, "Meta gives up after 5 s"

    async def all_wait_for_delivery() -> bool:
        standing = await books.standing()
        return standing["stored"] == standing["to_delivery"] == leads

    await until(all_wait_for_delivery)
    for name, bytes_before in before.items():
        grown = resident_bytes(stack.supervisor.pid(name)) - bytes_before
        assert grown < GROWTH_BYTES_MAX, f"{name} grew by {grown / 2**20:.0f} MiB"

    await stack.start_program("delivery")
    new = Flood(stack, newcomer, session)
    for _ in range(NEWCOMERS):
        await new.post()
    await Books(stack, newcomer).delivered(NEWCOMERS, seconds_max=30)
    behind = (await books.standing())["delivered"]
    assert behind < leads, "the new ones did not wait for the backlog"
    await books.balance(leads, seconds_max=120)
    inversion = await books.value(AGE_INVERSION)
    assert inversion < INVERSION_SECONDS_MAX, f"{inversion:.1f} s younger leads went first"
