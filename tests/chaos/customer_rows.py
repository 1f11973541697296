"""One customer's rows, and what must hold in them: nothing lost, nothing twice, consistent."""

import asyncio
import json
import os
import sys
from collections import defaultdict
from typing import Any, TypeAlias
from uuid import UUID

import asyncpg

from deploy.local.sample_customer import Customer
from deploy.local.stack import Stack
from deploy.local.state import ROOT
from tests.system.waiting import until

Rows: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

LEAD_COUNTS = """
select
  (select count(*) from ingest.leads where org_id = $1) as stored,
  (select count(*) from ingest.webhook_items
    where org_id = $1 and status in ('pending', 'processing', 'failed')) as items_open,
  (select count(*) from ingest.outbox where org_id = $1 and status = 'pending') as to_routing,
  (select count(*) from routing.leads
    where org_id = $1 and routing_status in ('pending', 'routing')) as to_route,
  (select count(*) from routing.outbox where org_id = $1 and status = 'pending') as to_delivery,
  (select count(*) from delivery.deliveries
    where org_id = $1 and status in ('PENDING', 'IN_PROGRESS')) as to_send,
  (select count(*) from delivery.outbox where org_id = $1 and status = 'pending') as to_timeline,
  (select count(*) from delivery.deliveries
    where org_id = $1 and status = 'DELIVERED') as delivered,
  (select count(*) from delivery.credit_transactions
    where org_id = $1 and type = 'CREDIT_CONSUMPTION') as charged
"""

OPEN = ("items_open", "to_routing", "to_route", "to_delivery", "to_send")


class CustomerRows:
    """The rows of one customer; opens a connection each time, because servers are killed here."""

    def __init__(self, stack: Stack, customer: Customer) -> None:
        self._stack = stack
        self._customer = customer
        self._org_id = UUID(customer.org_id)

    async def value(self, sql: str, *arguments: Any) -> Any:
        """The first column of the first row; $1 is the org."""
        rows = await self.rows(sql, *arguments)
        return rows[0][0] if rows else None

    async def rows(self, sql: str, *arguments: Any) -> list[Any]:
        """What a query answers; $1 is the org."""
        connection = await asyncpg.connect(self._stack.database_url)
        try:
            return list(await connection.fetch(sql, self._org_id, *arguments))
        finally:
            await connection.close()

    async def lead_counts(self) -> dict[str, int]:
        """How many of the customer's leads are where."""
        return dict((await self.rows(LEAD_COUNTS))[0])

    async def delivered(self, at_least: int, *, seconds_max: float = 60) -> None:
        """Returns when so many were delivered."""
        last: dict[str, int] = {}

        async def enough() -> bool:
            last.update(await self.lead_counts())
            return last["delivered"] >= at_least

        try:
            await until(enough, seconds_max=seconds_max)
        except AssertionError as error:
            raise AssertionError(f"{error}: {last}, {at_least} expected") from None

    async def under_way(self) -> None:
        """Returns while leads are on their way."""

        async def some_are() -> bool:
            counts = await self.lead_counts()
            return any(counts[name] for name in OPEN)

        await until(some_are)

    async def check_consistency(self, leads: int, *, seconds_max: float = 90) -> None:
        """Every lead is delivered once and charged once, and nothing is under way any more."""
        await self.delivered(leads, seconds_max=seconds_max)

        async def at_rest() -> bool:
            counts = await self.lead_counts()
            return not any(counts[name] for name in (*OPEN, "to_timeline"))

        # A relay's lease is half a minute where a process was killed that held it.
        await until(at_rest, seconds_max=60)
        counts = await self.lead_counts()
        assert (counts["stored"], counts["delivered"], counts["charged"]) == (leads,) * 3
        webhook_ids = await self.webhook_ids()
        assert len(webhook_ids) == leads
        twice = {lead: ids for lead, ids in webhook_ids.items() if len(ids) > 1}
        assert not twice, "a lead reached a buyer under a second webhook-id"
        await self.verify()

    async def verify(self) -> None:
        """`waybill verify` finds nothing, and nothing in flight."""
        code, output = await waybill(self._stack, self._customer, "verify")
        assert code == 0, output
        assert "in flight" not in output, output

    async def webhook_ids(self) -> dict[str, set[str]]:
        """By lead, the webhook-ids under which buyers accepted it."""
        found: dict[str, set[str]] = defaultdict(set)
        for workspace in ("alpha", "beta"):
            name = f"{self._customer.org.name}-{workspace}"
            url = f"{self._stack.buyers_url}/_control/buyers/{name}/received"
            async with self._customer.api.session.get(url) as answer:
                received = (await answer.json())["received"]
            for each in received:
                if each["body"]:
                    found[json.loads(each["body"])["lead_id"]].add(each["webhook_id"])
        return found


async def waybill(stack: Stack, customer: Customer, *arguments: str) -> tuple[int, str]:
    """Runs the command as a person would; exit code and what it printed."""
    environment = stack.environment(customer.org_id, customer.app_secret, customer.verify_token)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.console",
        *arguments,
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()
