import asyncio
from typing import Any
from uuid import uuid4

from services.chassis.database import Database
from tests.schema.delivery.builders import (
    HOLD_SECONDS,
    LEASE_SECONDS,
    NOW,
    a_workspace,
    an_endpoint,
    attempts,
    balance,
    broken_equations,
    claim,
    complete,
    delivery,
    finish,
    grant,
    later,
    offered,
)


async def test_a_claimed_delivery_has_a_credit_held_and_an_attempt_begun(
    delivery_db: Database,
) -> None:
    workspace = await a_workspace(delivery_db, credits=3)
    (offer,) = await offered(delivery_db, workspace)
    (row,) = await claim(delivery_db)
    assert row["delivery_id"] == offer.delivery_id
    assert row["payload"] == '{"lead_id": "x"}'
    assert row["secrets"] == [b"sealed"]
    # Soon after it was created, the first try belongs to the lead's own trace.
    assert row["attempt_traceparent"][3:35] == offer.traceparent[3:35]
    assert await balance(delivery_db, workspace) == (2, 1, 0)
    (attempt,) = await attempts(delivery_db, offer)
    assert (attempt["number"], attempt["outcome"]) == (1, None)
    assert await broken_equations(delivery_db) == {}


async def test_a_late_first_try_has_a_trace_of_its_own(delivery_db: Database) -> None:
    workspace = await a_workspace(delivery_db, credits=1)
    (offer,) = await offered(delivery_db, workspace)
    (row,) = await claim(delivery_db, now=later(61))
    assert row["attempt_traceparent"][3:35] != offer.traceparent[3:35]


async def test_without_credit_a_delivery_waits_visibly_and_nothing_is_sent(
    delivery_db: Database,
) -> None:
    workspace = await a_workspace(delivery_db)
    (offer,) = await offered(delivery_db, workspace)
    assert await claim(delivery_db) == []
    row = await delivery(delivery_db, offer)
    assert (row["status"], row["waiting_for"]) == ("PENDING", "credit")
    assert row["next_attempt_at"] is None
    assert await attempts(delivery_db, offer) == []
    answer = await grant(delivery_db, workspace, 1, now=later(10))
    assert answer["waiting_delivery_count"] == 0
    (sent,) = await claim(delivery_db, now=later(10))
    assert sent["delivery_id"] == offer.delivery_id


async def test_the_oldest_get_the_credits_that_there_are(delivery_db: Database) -> None:
    workspace = await a_workspace(delivery_db, credits=2)
    offers = await offered(delivery_db, workspace, 5)
    rows = await claim(delivery_db)
    assert [row["delivery_id"] for row in rows] == [offer.delivery_id for offer in offers[:2]]
    await grant(delivery_db, workspace, 2)
    rows = await claim(delivery_db)
    assert [row["delivery_id"] for row in rows] == [offer.delivery_id for offer in offers[2:4]]
    assert (await delivery(delivery_db, offers[4]))["waiting_for"] == "credit"


async def test_without_an_active_endpoint_a_delivery_is_parked_and_wakes_with_one(
    delivery_db: Database,
) -> None:
    workspace = await a_workspace(delivery_db, credits=1, endpoints=0)
    (offer,) = await offered(delivery_db, workspace)
    assert await claim(delivery_db) == []
    assert (await delivery(delivery_db, offer))["waiting_for"] == "endpoint"
    assert await balance(delivery_db, workspace) == (1, 0, 0)
    await an_endpoint(delivery_db, workspace, now=later(5))
    assert len(await claim(delivery_db, now=later(5))) == 1


async def test_a_delivery_is_due_at_every_active_endpoint(delivery_db: Database) -> None:
    workspace = await a_workspace(delivery_db, credits=1, endpoints=3)
    await offered(delivery_db, workspace)
    rows = await claim(delivery_db)
    assert len({row["endpoint_id"] for row in rows}) == 3
    assert await balance(delivery_db, workspace) == (0, 1, 0)


async def test_a_throttled_endpoint_defers_without_spending_an_attempt(
    delivery_db: Database,
) -> None:
    workspace = await a_workspace(delivery_db, credits=2)
    first, second = await offered(delivery_db, workspace, 2)
    token = uuid4()
    rows = await claim(delivery_db, token=token, limit=1)
    await finish(
        delivery_db,
        rows,
        token,
        action="retry",
        outcome="throttled",
        retry_after_seconds=5,
        throttle_seconds=30,
    )
    assert await claim(delivery_db, now=later(6)) == []
    for offer, tries in ((first, 1), (second, 0)):
        row = await delivery(delivery_db, offer)
        assert (row["attempt_count"], row["next_attempt_at"]) == (tries, later(30))
    assert len(await claim(delivery_db, now=later(30))) == 2


async def test_a_throttled_endpoint_holds_up_no_other_of_its_workspace(
    delivery_db: Database,
) -> None:
    workspace = await a_workspace(delivery_db, credits=2, endpoints=2)
    first, second = await offered(delivery_db, workspace, 2)
    token = uuid4()
    free, busy = await claim(delivery_db, token=token, limit=1)
    await finish(
        delivery_db,
        [busy],
        token,
        action="retry",
        outcome="throttled",
        hold_action="extend",
        throttle_seconds=3600,
    )
    rows = await claim(delivery_db, now=later(5))
    assert {(row["delivery_id"], row["endpoint_id"]) for row in rows} == {
        (first.delivery_id, free["endpoint_id"]),
        (second.delivery_id, free["endpoint_id"]),
    }
    assert {row["throttled_count"] for row in rows} == {1}


async def test_a_delivery_waits_until_the_first_of_its_throttled_endpoints_is_free(
    delivery_db: Database, admin: Any
) -> None:
    workspace = await a_workspace(delivery_db, credits=1, endpoints=2)
    (offer,) = await offered(delivery_db, workspace)
    endpoints = [row[0] for row in await admin.fetch("select endpoint_id from delivery.endpoints")]
    for endpoint_id, seconds in zip(endpoints, (900, 300), strict=True):
        await admin.execute(
            "update delivery.endpoints set throttled_until = $2 where endpoint_id = $1",
            *(endpoint_id, later(seconds)),
        )
    assert await claim(delivery_db) == []
    assert (await delivery(delivery_db, offer))["next_attempt_at"] == later(300)
    (row,) = await claim(delivery_db, now=later(300))
    assert (row["endpoint_id"], row["attempt_count"]) == (endpoints[1], 1)


async def test_the_credit_of_a_lead_that_one_buyer_has_outlives_the_throttle_of_another(
    delivery_db: Database, admin: Any
) -> None:
    workspace = await a_workspace(delivery_db, credits=1, endpoints=2)
    await offered(delivery_db, workspace)
    token = uuid4()
    took, _ = await claim(delivery_db, token=token)
    await admin.execute(
        "update delivery.delivery_endpoints set status = 'accepted' where endpoint_id = $1",
        took["endpoint_id"],
    )
    await admin.execute("update delivery.endpoints set throttled_until = $1", later(7200))
    assert await claim(delivery_db, now=later(LEASE_SECONDS)) == []
    expires_at = await admin.fetchval("select expires_at from delivery.credit_holds")
    assert expires_at == later(7200 + HOLD_SECONDS)


async def test_an_endpoint_that_was_disabled_before_it_took_the_lead_is_counted_as_missed(
    delivery_db: Database, admin: Any
) -> None:
    workspace = await a_workspace(delivery_db, credits=1, endpoints=2)
    await offered(delivery_db, workspace)
    token = uuid4()
    _, missed = rows = await claim(delivery_db, token=token)
    await finish(delivery_db, rows, token, action="retry")
    await admin.execute(
        "update delivery.endpoints set status = 'disabled' where endpoint_id = $1",
        missed["endpoint_id"],
    )
    (row,) = await claim(delivery_db, now=later(5))
    assert (row["failed_count"], row["throttled_count"], row["missed_count"]) == (0, 0, 1)


async def test_two_workers_never_claim_the_same_delivery(delivery_db: Database) -> None:
    workspace = await a_workspace(delivery_db, credits=200)
    await offered(delivery_db, workspace, 200)
    batches = await asyncio.gather(*(claim(delivery_db, limit=25) for _ in range(10)))
    claimed = [row["delivery_id"] for batch in batches for row in batch]
    assert len(claimed) == len(set(claimed))
    while rest := await claim(delivery_db):
        claimed += [row["delivery_id"] for row in rest]
    assert len(claimed) == len(set(claimed)) == 200
    assert await balance(delivery_db, workspace) == (0, 200, 0)
    assert await broken_equations(delivery_db) == {}


async def test_a_lost_lease_is_claimed_again_with_its_hold_and_its_attempt_is_unknown(
    delivery_db: Database, admin: Any
) -> None:
    workspace = await a_workspace(delivery_db, credits=5)
    (offer,) = await offered(delivery_db, workspace)
    await claim(delivery_db)
    assert await claim(delivery_db, now=later(LEASE_SECONDS - 1)) == []
    (row,) = await claim(delivery_db, now=later(LEASE_SECONDS))
    assert (row["delivery_id"], row["attempt_count"]) == (offer.delivery_id, 2)
    assert row["previous_traceparent"] is not None
    outcomes = [attempt["outcome"] for attempt in await attempts(delivery_db, offer)]
    assert outcomes == ["unknown", None]
    assert await balance(delivery_db, workspace) == (4, 1, 0)
    assert await admin.fetchval("select count(*) from delivery.credit_holds") == 1


async def test_a_delivery_that_is_never_reported_back_ends_as_dead_letter(
    delivery_db: Database,
) -> None:
    workspace = await a_workspace(delivery_db, credits=1)
    (offer,) = await offered(delivery_db, workspace)
    for number in range(3):
        await claim(delivery_db, attempts_max=3, now=later(number * LEASE_SECONDS))
    assert await claim(delivery_db, attempts_max=3, now=later(3 * LEASE_SECONDS)) == []
    assert (await delivery(delivery_db, offer))["status"] == "DEAD_LETTER"


async def test_a_busy_workspace_leaves_room_for_the_others(delivery_db: Database) -> None:
    busy = await a_workspace(delivery_db, credits=50)
    other = await a_workspace(delivery_db, credits=50)
    await offered(delivery_db, busy, 20, now=NOW)
    await offered(delivery_db, other, 2, now=later(1))
    rows = await claim(delivery_db, workspace_limit=5, busy={busy.workspace_id: 3}, now=later(1))
    claimed = [row["workspace_id"] for row in rows]
    assert claimed.count(busy.workspace_id) == 2
    assert claimed.count(other.workspace_id) == 2
    rows = await claim(
        delivery_db, limit=5, workspace_limit=5, busy={busy.workspace_id: 5}, now=later(1)
    )
    assert rows == []


async def test_what_was_due_before_the_watermark_is_left_to_a_sweep(
    delivery_db: Database,
) -> None:
    workspace = await a_workspace(delivery_db, credits=1)
    await offered(delivery_db, workspace)
    assert await claim(delivery_db, due_from=later(1), now=later(2)) == []
    assert len(await claim(delivery_db, now=later(2))) == 1


async def test_a_credit_granted_while_a_claim_parks_is_not_missed(delivery_db: Database) -> None:
    for _ in range(10):
        workspace = await a_workspace(delivery_db)
        (offer,) = await offered(delivery_db, workspace)
        claimed, _ = await asyncio.gather(claim(delivery_db), grant(delivery_db, workspace, 1))
        assert len(claimed) + len(await claim(delivery_db)) == 1
        assert await complete(delivery_db, [offer]) == {offer.delivery_id: "completed"}
