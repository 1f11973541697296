"""Leads are taken over once, however often they come."""

import asyncio
from datetime import timedelta
from uuid import uuid4

from services.chassis.database import Database
from services.chassis.ids import new_id
from services.chassis.trace import new_root
from tests.schema.routing.builders import FACTS, NOW, Admin, a_lead, leads, status_of


async def test_a_lead_is_pending_and_expires_90_days_after_it_was_received(
    routing_db: Database, admin: Admin
) -> None:
    trace, received_at = new_root(), NOW - timedelta(days=1)
    lead_id = await a_lead(
        routing_db, uuid4(), received_at=received_at, traceparent=trace.traceparent
    )
    row = await admin.fetchrow("select * from routing.leads where lead_id = $1", lead_id)
    assert row is not None
    assert (row["routing_status"], row["routing_attempts"]) == ("pending", 0)
    assert (row["due_at"], row["enqueued_at"]) == (NOW, NOW)
    assert row["lead_expires_at"] == received_at + timedelta(days=90)
    assert (row["trace_id"], row["traceparent"]) == (trace.trace_id, trace.traceparent)


async def test_a_lead_that_comes_again_at_the_same_moment_is_one_lead(
    routing_db: Database, admin: Admin
) -> None:
    org_id, lead_ids = uuid4(), [new_id() for _ in range(20)]

    async def enqueue(order: list[int]) -> int:
        new: int = await routing_db.value(
            "enqueue_leads",
            p_org_ids=[org_id] * 20,
            p_lead_ids=[lead_ids[index] for index in order],
            p_source_ids=[uuid4()] * 20,
            p_phones=[""] * 20,
            p_emails=[""] * 20,
            p_facts=[FACTS] * 20,
            p_received_ats=[NOW] * 20,
            p_traceparents=[new_root().traceparent] * 20,
            p_tracestates=[""] * 20,
        )
        return new

    # In opposite orders, which would deadlock if rows were written as they come.
    orders = [list(range(20)), list(reversed(range(20)))] * 25
    assert sum(await asyncio.gather(*map(enqueue, orders))) == 20
    assert await admin.fetchval("select count(*) from routing.leads") == 20


async def test_a_repeat_leaves_a_lead_as_it_is(routing_db: Database, admin: Admin) -> None:
    org_id = uuid4()
    (lead_id,) = await leads(routing_db, org_id, 1)
    await admin.execute("update routing.leads set routing_status = 'expired', due_at = null")
    new = await routing_db.value(
        "enqueue_leads",
        p_org_ids=[org_id],
        p_lead_ids=[lead_id],
        p_source_ids=[uuid4()],
        p_phones=[""],
        p_emails=[""],
        p_facts=[FACTS],
        p_received_ats=[NOW],
        p_traceparents=[new_root().traceparent],
        p_tracestates=[""],
    )
    assert new == 0
    assert await status_of(admin, lead_id) == "expired"
