"""Releasing expired holds."""

import asyncio
from typing import Any

from services.chassis.database import Database
from tests.schema.delivery.builders import (
    LEASE_SECONDS,
    a_workspace,
    balance,
    broken_equations,
    claim,
    complete,
    later,
    offered,
)

TRACEPARENT = "00-" + "a" * 32 + "-" + "b" * 16 + "-00"


async def test_a_hold_expires_only_without_a_lease(delivery_db: Database) -> None:
    workspace = await a_workspace(delivery_db, credits=1)
    (offer,) = await offered(delivery_db, workspace)
    await claim(delivery_db, hold_seconds=10)
    assert await _expire(delivery_db, later_seconds=LEASE_SECONDS - 1) == 0
    assert await _expire(delivery_db, later_seconds=LEASE_SECONDS) == 1
    assert await balance(delivery_db, workspace) == (1, 0, 0)
    # Its holder is gone, so a completion by hand takes from what is available.
    assert await complete(delivery_db, [offer]) == {offer.delivery_id: "completed"}
    assert await broken_equations(delivery_db) == {}


async def test_a_hold_that_is_renewed_while_the_sweep_waits_for_its_account_stays(
    delivery_db: Database, admin: Any
) -> None:
    workspace = await a_workspace(delivery_db, credits=1)
    await offered(delivery_db, workspace)
    await claim(delivery_db, hold_seconds=10)
    async with admin.transaction():
        await admin.execute("select from delivery.credit_accounts for update")
        sweep = asyncio.create_task(_expire(delivery_db, later_seconds=LEASE_SECONDS))
        while not await admin.fetchval("select count(*) from pg_locks where not granted"):
            continue
        await admin.execute("update delivery.credit_holds set expires_at = $1", later(3600))
    assert await sweep == 0
    assert await balance(delivery_db, workspace) == (0, 1, 0)


async def test_a_tick_is_run_by_one_process(delivery_db: Database) -> None:
    answers = await asyncio.gather(*(_expire(delivery_db, later_seconds=5) for _ in range(8)))
    assert sorted(answers, key=str) == [0, *[None] * 7]


async def _expire(db: Database, *, later_seconds: float) -> int | None:
    expired: int | None = await db.value(
        "expire_holds",
        p_limit=100,
        p_every_seconds=1.0,
        p_traceparent=TRACEPARENT,
        p_now=later(later_seconds),
    )
    return expired
