"""kill -9 and SIGSTOP in mid-flow: nothing lost, nothing twice, the books balance.

When a victim dies is chosen by a seed, which stands in the test's name: WAYBILL_FIRE_SEED repeats a
run.
"""

import asyncio
import os
import random
import signal
from collections.abc import Awaitable, Callable

import pytest

from deploy.local.stack import Stack
from tests.system.fire.books import Books
from tests.system.fire.flood import Flood
from tests.system.waiting import until

LEADS = 500
SEED = int(os.environ.get("WAYBILL_FIRE_SEED") or random.SystemRandom().randrange(10**6))
seeded = pytest.mark.parametrize("seed", [SEED], ids=lambda seed: f"seed={seed}")


async def kill_and_restart(stack: Stack, victim: str) -> None:
    """`kill -9` of a process and all that descends from it, and its next start."""
    if victim == "postgres":
        await stack.postgres.kill()
        await stack.postgres.start()
        return
    await stack.supervisor.kill(victim)
    await stack.start_program(victim)


@seeded
@pytest.mark.parametrize("victim", ["ingest", "routing", "delivery", "edge", "postgres"])
async def test_a_killed_process_loses_nothing_and_repeats_nothing(
    stack: Stack, flood: Flood, books: Books, victim: str, seed: int
) -> None:
    chance = random.Random(f"{seed} {victim}")
    moments = sorted(chance.sample(range(20, LEADS - 20), 2))
    async with asyncio.TaskGroup() as group:
        sending = group.create_task(flood.send(LEADS))
        for moment in moments:
            await flood.accepts(moment)
            await kill_and_restart(stack, victim)
        await sending
    delivered = (await books.standing())["delivered"]
    if delivered < LEADS - 20:
        # And once more when all are in, while they drain.
        await books.delivered(chance.randrange(delivered, LEADS - 20))
        await kill_and_restart(stack, victim)
    await books.balance(LEADS)


CLAIMS = {
    "ingest": """
        select claim_token from ingest.webhook_items
        where org_id = $1 and claim_expires_at > now()
        union
        select claim_token from ingest.outbox where org_id = $1 and claim_expires_at > now()""",
    "routing": """
        select routing_lock_token from routing.leads
        where org_id = $1 and routing_lock_expires_at > now()
        union
        select claim_token from routing.outbox where org_id = $1 and claim_expires_at > now()""",
    "delivery": """
        select claim_token from delivery.deliveries
        where org_id = $1 and claim_expires_at > now()""",
}


@pytest.mark.parametrize("victim", list(CLAIMS))
async def test_a_process_that_stalls_past_its_lease_changes_nothing(
    stack: Stack, flood: Flood, books: Books, victim: str
) -> None:
    process = stack.supervisor.pid(victim)
    async with asyncio.TaskGroup() as group:
        sending = group.create_task(flood.send(LEADS))
        await flood.accepts(LEADS // 10)
        held = await stalled_with_claims(books, process, CLAIMS[victim])
        try:
            replica = await stack.start_replica(victim)
            await until(lost(books, CLAIMS[victim], held))
        finally:
            os.kill(process, signal.SIGCONT)
        await sending
    await books.balance(LEADS)
    await stack.supervisor.stop(replica)


async def stalled_with_claims(books: Books, process: int, claims: str) -> set[object]:
    """Stops the process at a moment when it holds claims; answers their tokens."""

    async def stalled() -> set[object] | None:
        os.kill(process, signal.SIGSTOP)
        if held := {row[0] for row in await books.rows(claims)}:
            return held
        os.kill(process, signal.SIGCONT)
        return None

    return await until(stalled)


def lost(books: Books, claims: str, held: set[object]) -> Callable[[], Awaitable[bool]]:
    """Whether none of the tokens holds a claim any more."""

    async def are_lost() -> bool:
        return not held & {row[0] for row in await books.rows(claims)}

    return are_lost
