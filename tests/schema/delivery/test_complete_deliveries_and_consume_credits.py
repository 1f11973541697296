import asyncio
import random
from collections import Counter
from contextlib import AsyncExitStack
from typing import Any
from uuid import uuid4

import pytest

from services.chassis import telemetry
from services.chassis.database import Database
from services.delivery.manual_completions import ManualCompletions
from services.delivery.records import ManualCompletion
from services.delivery.store.deliveries import DeliveryStore
from tests.schema.delivery.builders import (
    LEASE_SECONDS,
    a_workspace,
    advance,
    an_offer,
    balance,
    broken_equations,
    claim,
    complete,
    delivery,
    later,
    offer_status,
    offered,
)


@pytest.fixture
def races(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Calls that lost a race, deadlocks among them: the chassis repeats them without a word."""
    lost: list[str] = []
    monkeypatch.setattr(telemetry.log, "warning", lambda event, **_: lost.append(event))
    return lost


async def test_completing_consumes_one_credit_and_sends_the_offer(delivery_db: Database) -> None:
    workspace = await a_workspace(delivery_db, credits=2)
    (offer,) = await offered(delivery_db, workspace)
    assert await complete(delivery_db, [offer]) == {offer.delivery_id: "completed"}
    assert await balance(delivery_db, workspace) == (1, 0, 1)
    assert (await delivery(delivery_db, offer))["status"] == "DELIVERED"
    assert await offer_status(delivery_db, offer) == "SENT_TO_DEVELOPER"
    assert await broken_equations(delivery_db) == {}


async def test_completing_twice_consumes_once(delivery_db: Database) -> None:
    workspace = await a_workspace(delivery_db, credits=2)
    (offer,) = await offered(delivery_db, workspace)
    await complete(delivery_db, [offer])
    assert await complete(delivery_db, [offer, offer]) == {offer.delivery_id: "duplicate"}
    assert await balance(delivery_db, workspace) == (1, 0, 1)


async def test_a_live_hold_is_captured(delivery_db: Database) -> None:
    workspace = await a_workspace(delivery_db, credits=1)
    (offer,) = await offered(delivery_db, workspace)
    token = uuid4()
    await claim(delivery_db, token=token)
    assert await balance(delivery_db, workspace) == (0, 1, 0)
    outcomes = await complete(delivery_db, [offer], tokens=[token])
    assert outcomes == {offer.delivery_id: "completed"}
    assert await balance(delivery_db, workspace) == (0, 0, 1)


async def test_without_credit_completing_changes_nothing(delivery_db: Database) -> None:
    workspace = await a_workspace(delivery_db, credits=1)
    first, second = await offered(delivery_db, workspace, 2)
    outcomes = await complete(delivery_db, [first, second])
    assert outcomes == {
        first.delivery_id: "completed",
        second.delivery_id: "insufficient_credits",
    }
    assert (await delivery(delivery_db, second))["status"] == "PENDING"
    assert await offer_status(delivery_db, second) == "LEAD_READY"
    assert await balance(delivery_db, workspace) == (0, 0, 1)
    assert await broken_equations(delivery_db) == {}


async def test_a_stalled_worker_past_its_lease_completes_nothing(delivery_db: Database) -> None:
    workspace = await a_workspace(delivery_db, credits=2)
    (offer,) = await offered(delivery_db, workspace)
    token = uuid4()
    await claim(delivery_db, token=token)
    late = await complete(delivery_db, [offer], tokens=[token], now=later(LEASE_SECONDS))
    stranger = await complete(delivery_db, [offer], tokens=[uuid4()])
    assert late == stranger == {offer.delivery_id: "lease_lost"}
    assert await balance(delivery_db, workspace) == (1, 1, 0)
    assert await offer_status(delivery_db, offer) == "LEAD_READY"


async def test_each_item_of_a_batch_has_an_outcome_of_its_own(delivery_db: Database) -> None:
    workspace = await a_workspace(delivery_db, credits=2)
    poor = await a_workspace(delivery_db)
    sent, good, stopped = await offered(delivery_db, workspace, 3)
    (unpaid,) = await offered(delivery_db, poor)
    nowhere = an_offer(workspace)
    await complete(delivery_db, [sent])
    await advance(delivery_db, stopped, "STOPPED")
    outcomes = await complete(delivery_db, [nowhere, unpaid, stopped, good, sent])
    assert outcomes == {
        sent.delivery_id: "duplicate",
        good.delivery_id: "completed",
        stopped.delivery_id: "state_refused",
        unpaid.delivery_id: "insufficient_credits",
        nowhere.delivery_id: "not_found",
    }
    assert await broken_equations(delivery_db) == {}


async def test_1000_concurrent_completions_of_300_deliveries_consume_exactly_200_credits(
    delivery_db: Database,
) -> None:
    workspace = await a_workspace(delivery_db, credits=200)
    offers = await offered(delivery_db, workspace, 300)
    calls = random.sample(offers * 4, 1000)

    # All 1000 at once, as callers of one process reach the database: in batches, of which several
    # run side by side and meet the same deliveries.
    async with AsyncExitStack() as stack:
        processes = [
            await stack.enter_async_context(
                ManualCompletions(
                    DeliveryStore(delivery_db), batch_deliveries_max=10, waiting_max=1000
                )
            )
            for _ in range(4)
        ]
        outcomes = Counter(
            await asyncio.gather(
                *(
                    processes[number % 4].complete(
                        ManualCompletion(
                            org_id=offer.org_id,
                            delivery_id=offer.delivery_id,
                            traceparent=offer.traceparent,
                        )
                    )
                    for number, offer in enumerate(calls)
                )
            )
        )
    assert outcomes["completed"] == 200
    assert outcomes.keys() <= {"completed", "duplicate", "insufficient_credits"}
    assert await balance(delivery_db, workspace) == (0, 0, 200)
    assert await broken_equations(delivery_db) == {}


async def test_credits_that_are_spent_before_the_account_is_locked_are_not_spent_again(
    delivery_db: Database, admin: Any
) -> None:
    workspace = await a_workspace(delivery_db, credits=5_000)
    (offer,) = await offered(delivery_db, workspace)
    async with admin.transaction():
        await admin.execute("select from delivery.credit_accounts for update")
        completing = asyncio.create_task(complete(delivery_db, [offer]))
        while not await admin.fetchval("select count(*) from pg_locks where not granted"):
            continue
        await admin.execute(
            "update delivery.credit_accounts set available = 0, granted = granted - available"
        )
    assert await completing == {offer.delivery_id: "insufficient_credits"}
    assert (await delivery(delivery_db, offer))["status"] == "PENDING"
    assert await offer_status(delivery_db, offer) == "LEAD_READY"


async def test_completions_side_by_side_with_credits_to_spare_lose_none(
    delivery_db: Database,
) -> None:
    workspaces = [await a_workspace(delivery_db, credits=2_000) for _ in range(3)]
    offers = [
        offer for workspace in workspaces for offer in await offered(delivery_db, workspace, 60)
    ]
    batches = [random.sample(offers, 30) for _ in range(30)]
    answers = await asyncio.gather(*(complete(delivery_db, batch) for batch in batches))
    completed = Counter(
        key for answer in answers for key, outcome in answer.items() if outcome == "completed"
    )
    assert set(completed) == {offer.delivery_id for batch in batches for offer in batch}
    assert set(completed.values()) == {1}
    assert await broken_equations(delivery_db) == {}


async def test_batches_that_share_accounts_lock_them_in_the_same_order(
    delivery_db: Database, races: list[str]
) -> None:
    org_id = uuid4()
    workspaces = [await a_workspace(delivery_db, credits=5_000, org_id=org_id) for _ in range(6)]
    batches = []
    for _ in range(60):
        batch = [(await offered(delivery_db, workspace))[0] for workspace in workspaces]
        batches.append(random.sample(batch, len(batch)))
    await asyncio.gather(*(complete(delivery_db, batch) for batch in batches))
    assert races == []


async def test_overlapping_batches_in_any_order_do_not_deadlock(
    delivery_db: Database, races: list[str]
) -> None:
    workspaces = [await a_workspace(delivery_db, credits=30) for _ in range(4)]
    offers = [
        offer for workspace in workspaces for offer in await offered(delivery_db, workspace, 25)
    ]
    batches = [random.sample(offers, 60) for _ in range(20)]
    answers = await asyncio.gather(*(complete(delivery_db, batch) for batch in batches))
    completed = Counter(
        key for answer in answers for key, outcome in answer.items() if outcome == "completed"
    )
    assert races == []
    assert set(completed.values()) == {1}
    assert await broken_equations(delivery_db) == {}


async def test_concurrent_callers_share_batches_and_each_gets_its_answer(
    delivery_db: Database,
) -> None:
    workspace = await a_workspace(delivery_db, credits=50)
    offers = await offered(delivery_db, workspace, 100)
    store = DeliveryStore(delivery_db)
    async with ManualCompletions(store, batch_deliveries_max=50, waiting_max=1000) as completions:
        outcomes = Counter(
            await asyncio.gather(
                *(
                    completions.complete(
                        ManualCompletion(
                            org_id=offer.org_id,
                            delivery_id=offer.delivery_id,
                            traceparent=offer.traceparent,
                        )
                    )
                    for offer in offers * 2
                )
            )
        )
    assert outcomes["completed"] == 50
    assert await balance(delivery_db, workspace) == (0, 0, 50)
