"""kill -9 and SIGSTOP in mid-flow: nothing lost, nothing twice, the consistency check holds.

When a victim dies is chosen by a seed, which pytest's header prints: WAYBILL_CHAOS_SEED repeats a
run.
"""

import asyncio
import os
import random
import signal
from collections.abc import Awaitable, Callable

import asyncpg
import pytest

from deploy.local.stack import Stack
from tests.chaos.claims import CLAIMS, held, stalled_with_claims
from tests.chaos.customer_rows import CustomerRows
from tests.chaos.lead_load import LeadLoad
from tests.sampling import SEEDS
from tests.system.waiting import until

LEADS = 500
# A service that has crashed accepts nothing, however often it is sent again.
SENT_SECONDS_MAX = 120
seeded = pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: f"seed={seed}")
# What is away while the other half of the leads comes in, so that the victim dies with a backlog to
# drain. The edge and ingest have none once the leads are in: they die while they come in, again.
AWAY_BEFORE = {"routing": "routing", "delivery": "delivery", "postgres": "delivery"}

WORKING = """
    select pid from pg_stat_activity where usename = $1 and state = 'active' limit 1"""
SERVING = "select pid from pg_stat_activity where usename like 'waybill%'"


async def kill_in_mid_flow(stack: Stack, customer_rows: CustomerRows, victim: str) -> None:
    """`kill -9` of a process that has work in hand, and of its descendants; its next start."""
    if victim == "postgres":
        await customer_rows.under_way()
        await stack.postgres.kill()
        await stack.postgres.start()
        return
    if victim in CLAIMS:
        await stalled_with_claims(customer_rows, stack.supervisor.pid(victim), victim)
    await stack.supervisor.kill(victim)
    await stack.start_program(victim)


@seeded
@pytest.mark.parametrize("victim", ["ingest", "routing", "delivery", "edge", "postgres"])
async def test_a_killed_process_loses_nothing_and_repeats_nothing(
    stack: Stack, lead_load: LeadLoad, customer_rows: CustomerRows, victim: str, seed: int
) -> None:
    chance = random.Random(f"{seed} {victim}")
    await kill_while_sending(stack, lead_load, customer_rows, victim, chance)
    if victim in AWAY_BEFORE:
        await stack.supervisor.stop(AWAY_BEFORE[victim])
        await lead_load.send(LEADS // 2)
        await stack.start_program(AWAY_BEFORE[victim])
        await kill_in_mid_flow(stack, customer_rows, victim)
    else:
        await kill_while_sending(stack, lead_load, customer_rows, victim, chance)
    await customer_rows.check_consistency(LEADS)


async def kill_while_sending(
    stack: Stack,
    lead_load: LeadLoad,
    customer_rows: CustomerRows,
    victim: str,
    chance: random.Random,
) -> None:
    """Sends half of the leads; at some moment meanwhile the victim dies."""
    before = lead_load.accepted
    async with asyncio.TaskGroup() as group:
        sending = group.create_task(lead_load.send(LEADS // 2))
        await lead_load.accepts(before + chance.randrange(20, LEADS // 4))
        assert not sending.done(), "requests are under way"
        await kill_in_mid_flow(stack, customer_rows, victim)


async def kill_backend(stack: Stack, service: str) -> None:
    """`kill -9` of a process of PostgreSQL that works for the service; all of them start again."""
    connection = await asyncpg.connect(stack.database_url)
    try:

        async def working() -> int | None:
            pid: int | None = await connection.fetchval(WORKING, f"waybill_{service}")
            return pid

        before = {row["pid"] for row in await connection.fetch(SERVING)}
        os.kill(await until(working, poll_seconds=0.01), signal.SIGKILL)
    finally:
        connection.terminate()

    async def all_are_new() -> bool:
        looking = await asyncpg.connect(stack.database_url)
        try:
            now = {row["pid"] for row in await looking.fetch(SERVING)}
        finally:
            await looking.close()
        return bool(now) and not now & before

    await until(all_are_new)


@pytest.mark.parametrize("service", list(CLAIMS))
async def test_a_killed_process_of_postgresql_loses_nothing_and_repeats_nothing(
    stack: Stack, lead_load: LeadLoad, customer_rows: CustomerRows, service: str
) -> None:
    async with asyncio.timeout(SENT_SECONDS_MAX), asyncio.TaskGroup() as group:
        sending = group.create_task(lead_load.send(LEADS))
        await lead_load.accepts(LEADS // 4)
        assert not sending.done(), "requests are under way"
        await kill_backend(stack, service)
    await customer_rows.check_consistency(LEADS)


@pytest.mark.parametrize("victim", list(CLAIMS))
async def test_a_process_that_stalls_past_its_lease_changes_nothing(
    stack: Stack, lead_load: LeadLoad, customer_rows: CustomerRows, victim: str
) -> None:
    process = stack.supervisor.pid(victim)
    async with asyncio.TaskGroup() as group:
        sending = group.create_task(lead_load.send(LEADS))
        await lead_load.accepts(LEADS // 10)
        tokens = await stalled_with_claims(customer_rows, process, victim)
        try:
            replica = await stack.start_replica(victim)
            await until(lost(customer_rows, victim, tokens))
        finally:
            os.kill(process, signal.SIGCONT)
        await sending
    await customer_rows.check_consistency(LEADS)
    await stack.supervisor.stop(replica)


@pytest.mark.parametrize("victim", list(CLAIMS))
async def test_a_lone_process_that_stalls_past_its_lease_goes_on(
    stack: Stack, lead_load: LeadLoad, customer_rows: CustomerRows, victim: str
) -> None:
    process = stack.supervisor.pid(victim)
    async with asyncio.timeout(SENT_SECONDS_MAX), asyncio.TaskGroup() as group:
        group.create_task(lead_load.send(LEADS))
        await lead_load.accepts(LEADS // 10)
        tokens = await stalled_with_claims(customer_rows, process, victim)
        try:
            await until(lost(customer_rows, victim, tokens))
        finally:
            os.kill(process, signal.SIGCONT)
    await customer_rows.check_consistency(LEADS)
    assert stack.supervisor.pid(victim) == process


def lost(
    customer_rows: CustomerRows, service: str, tokens: set[object]
) -> Callable[[], Awaitable[bool]]:
    """Whether none of the tokens holds a claim any more."""

    async def are_lost() -> bool:
        return not tokens & await held(customer_rows, service)

    return are_lost
