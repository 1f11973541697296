"""A worker that stalls past its lease and comes back changes nothing."""

import os
import signal
from typing import Any, TypeAlias
from uuid import UUID

import asyncpg

from deploy.local.sample_customer import Customer
from deploy.local.stack import Stack
from tests.system.waiting import until

Rows: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
FINISHED = "finish deliveries"
TABLES = ("deliveries", "attempts", "credit_transactions", "credit_accounts", "lead_events")


async def received(stack: Stack, customer: Customer, at_least: int) -> list[dict[str, Any]]:
    """What alpha has got, once it has got so much."""
    url = f"{stack.buyers_url}/_control/buyers/{customer.org.name}-alpha/received"
    query = {"at_least": str(at_least), "seconds": "10"}
    async with customer.api.session.get(url, params=query) as answer:
        entries: list[dict[str, Any]] = (await answer.json())["received"]
        return entries


async def control(stack: Stack, customer: Customer, method: str, path: str, body: Any) -> None:
    url = f"{stack.buyers_url}/_control/buyers/{customer.org.name}-alpha/{path}"
    async with customer.api.session.request(method, url, json=body) as answer:
        answer.raise_for_status()


def finishes(stack: Stack) -> int:
    """How many batches the first delivery process has reported back."""
    return (stack.state.logs / "delivery.log").read_text().count(FINISHED)


async def test_a_delivery_worker_that_stalls_past_its_lease_changes_nothing(
    stack: Stack, customer: Customer, rows: Rows
) -> None:
    org_id = UUID(customer.org_id)
    await control(stack, customer, "PUT", "faults", {"times": 1, "is": {"fault": "hang"}})
    lead = {"customer_phone": "0151 23456789", "type": "order", "customer_name": "", "details": ""}
    await customer.api.post("/api/leads", lead)

    async def is_sending() -> bool:
        started = "select count(*) from delivery.attempts where org_id = $1"
        return bool(await rows.fetchval(started, org_id) == 1)

    assert await until(is_sending)
    stalled = stack.supervisor.pid("delivery")
    os.kill(stalled, signal.SIGSTOP)
    try:
        # The lease runs out: on the database's clock, without anybody waiting for it.
        await rows.execute(
            """update delivery.deliveries
               set claim_expires_at = now() - interval '1 second', due_at = now()
               where org_id = $1""",
            org_id,
        )
        replica = await stack.start_replica("delivery")

        async def delivered() -> bool:
            status = "select status from delivery.deliveries where org_id = $1"
            return bool(await rows.fetchval(status, org_id) == "DELIVERED")

        assert await until(delivered)
        after = await snapshot(rows, org_id)
        reported = finishes(stack)
    finally:
        os.kill(stalled, signal.SIGCONT)
    await control(stack, customer, "POST", "release", {})

    async def came_back() -> bool:
        return finishes(stack) > reported

    assert await until(came_back)
    assert await snapshot(rows, org_id) == after
    await stack.supervisor.stop(replica)
    outcomes = await rows.fetch(
        "select outcome from delivery.attempts where org_id = $1 order by started_at", org_id
    )
    assert [each["outcome"] for each in outcomes] == ["unknown", "accepted"]
    got = await received(stack, customer, 2)
    assert len({each["webhook_id"] for each in got}) == 1


async def snapshot(rows: Rows, org_id: UUID) -> list[tuple[Any, ...]]:
    """Every row of delivery's that says what happened to the org's deliveries."""
    found: list[tuple[Any, ...]] = []
    for table in TABLES:
        query = f"select t::text from delivery.{table} t where org_id = $1 order by 1"
        found += [(table, row["t"]) for row in await rows.fetch(query, org_id)]
    return found
