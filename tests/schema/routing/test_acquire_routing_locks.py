"""Who may route a lead, and for how long."""

import asyncio
import json
from uuid import UUID, uuid4

from services.chassis.database import Database, Record
from services.chassis.ids import new_id
from services.chassis.trace import new_root
from tests.schema.routing.builders import (
    LEASE_SECONDS,
    NOW,
    RECORD,
    Admin,
    a_hash,
    a_lead,
    a_workspace,
    acquire,
    fail,
    later,
    leads,
)


def ids(rows: list[Record]) -> list[UUID]:
    return [row["lead_id"] for row in rows]


async def test_leads_of_all_tenants_are_claimed_oldest_first(routing_db: Database) -> None:
    younger = await a_lead(routing_db, uuid4(), now=later(seconds=-1))
    older = await a_lead(routing_db, uuid4(), now=later(seconds=-2))
    await a_lead(routing_db, uuid4(), now=later(seconds=1))
    rows = await acquire(routing_db)
    assert ids(rows) == [older, younger]
    assert [row["attempt"] for row in rows] == [1, 1]


async def test_two_workers_never_claim_the_same_lead(routing_db: Database) -> None:
    lead_ids = await leads(routing_db, uuid4(), 1000)
    claims = await asyncio.gather(*(acquire(routing_db, limit=25) for _ in range(80)))
    claimed = [lead_id for rows in claims for lead_id in ids(rows)]
    assert len(claimed) == len(set(claimed))
    rest = ids(await acquire(routing_db))
    assert sorted([*claimed, *rest]) == sorted(lead_ids)


async def test_a_claim_says_who_holds_the_lead_and_until_when(
    routing_db: Database, admin: Admin
) -> None:
    await a_lead(routing_db, uuid4())
    token = new_id()
    await acquire(routing_db, token=token)
    row = await admin.fetchrow("select * from routing.leads")
    assert row is not None
    assert row["routing_status"] == "routing"
    assert (row["routing_locked_by"], row["routing_lock_token"]) == ("tester", token)
    assert row["routing_locked_at"] == NOW
    assert row["routing_lock_expires_at"] == later(seconds=LEASE_SECONDS)
    assert row["due_at"] == NOW, "its place in the queue, should the lease run out"


async def test_a_claim_waits_for_no_disk_and_what_is_decided_does(
    routing_db: Database, admin: Admin
) -> None:
    org_id, token = uuid4(), new_id()
    workspace_id = await a_workspace(routing_db, org_id)
    routed, failed = await leads(routing_db, org_id, 2)
    async with admin.transaction():
        claimed = await admin.fetch(
            "select * from routing.acquire_routing_locks('tester', $1, 2, 30, p_now => $2)",
            token, NOW,
        )  # fmt: skip
        assert len(claimed) == 2
        assert await admin.fetchval("show synchronous_commit") == "off"
    async with admin.transaction():
        outcome = await admin.fetchval(
            "select outcome from routing.complete_routing($1, $2, $3, $4, $5, 1, $6, '{}', $7,"
            " array[$8], 60, $9)",
            org_id, routed, token, workspace_id, new_id(), json.dumps(RECORD),
            new_root().traceparent, a_hash(), NOW,
        )  # fmt: skip
        assert outcome == "routed"
        assert await admin.fetchval("show synchronous_commit") == "on"
    async with admin.transaction():
        outcome = await admin.fetchval(
            "select outcome from routing.fail_routing($1, $2, $3, 'no_match', 'NO_MATCH', $4, $5,"
            " $6)",
            org_id, failed, token, json.dumps(RECORD), new_root().traceparent, NOW,
        )  # fmt: skip
        assert outcome == "retry"
        assert await admin.fetchval("show synchronous_commit") == "on"


async def test_a_lead_whose_lease_ran_out_is_claimed_again_with_the_attempt_unspent(
    routing_db: Database,
) -> None:
    lead_id = await a_lead(routing_db, uuid4())
    await acquire(routing_db)
    assert await acquire(routing_db, now=later(seconds=LEASE_SECONDS - 1)) == []
    (row,) = await acquire(routing_db, now=later(seconds=LEASE_SECONDS))
    assert (row["lead_id"], row["attempt"]) == (lead_id, 1)


async def test_a_claim_above_the_watermark_leaves_what_lies_below(routing_db: Database) -> None:
    await a_lead(routing_db, uuid4(), now=later(seconds=-60))
    young = await a_lead(routing_db, uuid4())
    assert ids(await acquire(routing_db, due_from=later(seconds=-10))) == [young]
    assert len(await acquire(routing_db)) == 1


async def test_an_expired_lead_is_not_claimed(routing_db: Database) -> None:
    await a_lead(routing_db, uuid4(), received_at=later(days=-90))
    assert await acquire(routing_db) == []


async def test_a_retry_knows_the_attempt_before_it(routing_db: Database) -> None:
    org_id = uuid4()
    lead_id = await a_lead(routing_db, org_id)
    token, trace = new_id(), f"00-{'a' * 32}-{'b' * 16}-01"
    (first,) = await acquire(routing_db, token=token)
    assert first["previous_traceparent"] is None
    await fail(routing_db, token, org_id, lead_id, attempt_traceparent=trace)
    (second,) = await acquire(routing_db, now=later(minutes=1))
    assert (second["attempt"], second["previous_traceparent"]) == (2, trace)


async def test_a_claim_tells_how_often_a_lead_was_interrupted(routing_db: Database) -> None:
    await a_lead(routing_db, uuid4())
    claims = []
    for claim in range(3):
        (row,) = await acquire(routing_db, now=later(seconds=claim * LEASE_SECONDS))
        claims.append((row["attempt"], row["interruptions"]))
    assert claims == [(1, 0), (1, 1), (1, 2)]


async def test_a_backlog_of_one_tenant_keeps_no_other_tenants_leads_waiting(
    routing_db: Database,
) -> None:
    flooding = uuid4()
    backlog = await leads(routing_db, flooding, 1000, now=later(seconds=-60))
    small = [await a_lead(routing_db, uuid4()) for _ in range(20)]
    first = await acquire(routing_db, limit=100)
    assert set(small) <= set(ids(first))
    of_backlog = [row for row in first if row["org_id"] == flooding]
    assert len(of_backlog) == 80, "the backlog fills what the others leave"
    second = ids(await acquire(routing_db, limit=100))
    assert len(second) == 100
    assert set(second) <= set(backlog)


async def test_a_backlog_is_claimed_in_order_of_age(routing_db: Database) -> None:
    org_id = uuid4()
    backlog = [
        await a_lead(routing_db, org_id, now=later(seconds=-100 + place)) for place in range(30)
    ]
    claimed: list[UUID] = []
    while rows := await acquire(routing_db, limit=8):
        claimed += ids(rows)
    assert claimed == backlog


async def test_more_tenants_than_a_claim_takes_are_all_served_in_turn(
    routing_db: Database,
) -> None:
    waiting = {await a_lead(routing_db, uuid4()) for _ in range(30)}
    while rows := await acquire(routing_db, limit=4):
        assert len(rows) <= 4
        waiting -= set(ids(rows))
    assert not waiting
