"""The edge stops under load: callers are answered, or go to the edge beside it; nothing twice."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from uuid import uuid4

import grpc

from deploy.local.sample_customer import Customer
from deploy.local.stack import Stack, answers_ok
from services.chassis.rpc.client import CHANNEL_OPTIONS
from tests.chaos.callers import Callers, writes
from tests.chaos.customer_rows import CustomerRows
from tests.chaos.stopping import stop_in_grace

CALLERS_EACH: Final = 3
PROBED_EVERY_SECONDS: Final = 0.1
# What callers made; a customer comes with two workspaces.
MADE: Final = """
    select (select count(*) from ingest.leads where org_id = $1) as ingest,
      (select count(*) - 2 from routing.workspaces where org_id = $1) as routing,
      (select count(*) from scheduling.calendars where org_id = $1) as scheduling"""


class Web:
    """Edges behind a balancer: a request goes to one whose health path says that it is ready."""

    def __init__(self, urls: list[str], customer: Customer) -> None:
        self._urls = urls
        self._ready = urls
        self._customer = customer

    async def probe(self) -> None:
        """Looks at the health paths until it is cancelled."""
        while True:
            self._ready = [url for url in self._urls if await answers_ok(f"{url}/api/health")]
            await asyncio.sleep(PROBED_EVERY_SECONDS)

    async def create_lead(self) -> None:
        """One lead, by POST."""
        request_id = str(uuid4())
        body = {"customer_phone": "0151 23456789", "type": "order", "request_id": request_id}
        headers = {"Authorization": f"Bearer {self._customer.api.token}"}
        url = f"{self._ready[0]}/api/leads"
        async with self._customer.api.session.post(url, json=body, headers=headers) as answer:
            answer.raise_for_status()


class Load:
    """Callers of every service by gRPC over both edges, and of ingest by JSON."""

    def __init__(self, channel: grpc.aio.Channel, web: Web, customer: Customer) -> None:
        self.callers = {name: Callers(call) for name, call in writes(channel, customer).items()}
        self.callers["web"] = Callers(web.create_lead)

    async def goes_on(self) -> None:
        """Returns when each kind of caller was answered some more times."""
        for callers in self.callers.values():
            await callers.are_answered()

    def stop(self) -> None:
        """Has every caller end with the call that it makes."""
        for callers in self.callers.values():
            callers.stopped = True

    async def made_once(self, customer_rows: CustomerRows) -> None:
        """Nobody's call failed, and what was answered is there once."""
        failed = {name: callers.failed for name, callers in self.callers.items() if callers.failed}
        assert not failed
        answered = {name: callers.answered for name, callers in self.callers.items()}
        (made,) = await customer_rows.rows(MADE)
        assert dict(made) == {
            "ingest": answered["ingest"] + answered["web"],
            "routing": answered["routing"],
            "scheduling": answered["scheduling"],
        }


@asynccontextmanager
async def load(stack: Stack, customer: Customer) -> AsyncIterator[Load]:
    """Callers while the block runs, with a second edge beside the first."""
    urls = [stack.edge_url, await stack.start_second_edge()]
    target = "ipv4:" + ",".join(url.removeprefix("http://") for url in urls)
    web = Web(urls, customer)
    async with (
        grpc.aio.insecure_channel(target, options=CHANNEL_OPTIONS) as channel,
        asyncio.TaskGroup() as group,
    ):
        probing = group.create_task(web.probe())
        calling = Load(channel, web, customer)
        for callers in calling.callers.values():
            for _ in range(CALLERS_EACH):
                group.create_task(callers.run())
        await calling.goes_on()
        try:
            yield calling
        finally:
            calling.stop()
            probing.cancel()


async def test_no_call_fails_while_one_of_two_edges_drains_under_load(
    stack: Stack, customer: Customer, customer_rows: CustomerRows
) -> None:
    async with load(stack, customer) as calling:
        await stop_in_grace(stack, "edge")
        await calling.goes_on()
    await calling.made_once(customer_rows)
