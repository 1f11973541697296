"""Runs the system of the working directory's tree under leads: a program for that tree's Python.

    python release_before.py FOLDER

Prints the database's URL once leads flow. At a line on its input it stops posting, waits until
every lead that was taken is delivered, and prints what it saw as JSON.
"""

import asyncio
import json
import sys
from collections import Counter
from pathlib import Path

import aiohttp
import asyncpg

from deploy.local.ports import free_port
from deploy.local.sample_customer import Customer, RefusedError
from deploy.local.stack import Options, running_stack
from sandbox.meta_webhooks import whatsapp_text
from tests.system.conftest import a_customer, discard
from tests.system.waiting import until
from tests.system.webhooks import a_text, post

CALLERS = 3


async def main() -> None:
    """The whole run."""
    folder = Path(sys.argv[1])
    async with (
        running_stack(folder, Options(edge_port=free_port()), discard) as stack,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session,
    ):
        customer = await a_customer(stack, session, credits=100_000)
        crashed = asyncio.create_task(stack.crashed())
        posted: Counter[int] = Counter()
        listed: Counter[int] = Counter()
        ended, flowing = asyncio.Event(), asyncio.Event()

        async def caller() -> None:
            while not ended.is_set():
                body = whatsapp_text(a_text(customer))
                posted[(await post(stack, customer, body)).status] += 1
                listed[await listing_status(customer)] += 1
                flowing.set()

        async with asyncio.TaskGroup() as callers:
            for _ in range(CALLERS):
                callers.create_task(caller())
            await flowing.wait()
            before = posted.total()
            tell(stack.database_url)
            await asyncio.to_thread(sys.stdin.readline)
            ended.set()
        connection = await asyncpg.connect(stack.database_url)
        report = {
            "posted": posted,
            "listed": listed,
            "posted_meanwhile": posted.total() - before,
            "undelivered": await undelivered(connection),
            "lost": posted[200] - await connection.fetchval(ITEMS),
            "crashed": crashed.done(),
        }
        await connection.close()
        crashed.cancel()
        tell(json.dumps(report))


def tell(line: str) -> None:
    """Writes a line to the test that runs this program."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def listing_status(customer: Customer) -> int:
    """The status with which the leads' list is answered; 503 stands for all that may be retried."""
    try:
        await customer.api.get("/api/leads")
    except RefusedError as error:
        return 500 if error.retry_after_seconds is None else 503
    return 200


async def undelivered(connection: "asyncpg.Connection[asyncpg.Record]") -> int:
    """How many items and leads are not through, once all are or two minutes have passed."""

    async def all_through() -> bool:
        return not await connection.fetchval(UNDER_WAY)

    try:
        await until(all_through, seconds_max=120)
    except AssertionError:
        return int(await connection.fetchval(UNDER_WAY))
    return 0


ITEMS = "select count(*) from ingest.webhook_items"
UNDER_WAY = """
  select (select count(*) from ingest.webhook_items where status not in ('stored', 'duplicate'))
    + (select count(*) from ingest.leads l where not exists (
        select from delivery.deliveries d where d.lead_id = l.lead_id and d.status = 'DELIVERED'))
"""


if __name__ == "__main__":
    asyncio.run(main())
