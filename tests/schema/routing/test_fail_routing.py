"""A failed attempt is tried again after 1, 5, 15 and 60 minutes, then never."""

from datetime import timedelta
from uuid import uuid4

from services.chassis.database import Database
from services.chassis.ids import new_id
from tests.schema.routing.builders import (
    NOW,
    Admin,
    a_hash,
    a_lead,
    a_workspace,
    acquire,
    complete,
    counts,
    fail,
    later,
)


async def test_retries_come_after_1_5_15_and_60_minutes_then_it_failed_for_good(
    routing_db: Database, admin: Admin
) -> None:
    org_id = uuid4()
    lead_id = await a_lead(routing_db, org_id)
    now = NOW
    for attempt, minutes in enumerate((1, 5, 15, 60), start=1):
        token = new_id()
        (row,) = await acquire(routing_db, token=token, now=now)
        assert row["attempt"] == attempt
        retry_at = now + timedelta(minutes=minutes)
        assert await fail(routing_db, token, org_id, lead_id, now=now) == ("retry", retry_at)
        waiting = await admin.fetchrow("select * from routing.lead_routing_queue")
        assert waiting is not None
        assert (waiting["attempt"], waiting["next_retry_at"]) == (attempt + 1, retry_at)
        assert await acquire(routing_db, now=retry_at - timedelta(seconds=1)) == []
        now = retry_at
    token = new_id()
    await acquire(routing_db, token=token, now=now)
    assert await fail(routing_db, token, org_id, lead_id, now=now) == ("failed", None)
    lead = await admin.fetchrow("select * from routing.leads")
    assert lead is not None
    assert (lead["routing_status"], lead["routing_attempts"]) == ("failed", 5)
    assert (lead["routing_error"], lead["due_at"]) == ("NO_MATCH", None)
    assert lead["routing_last_attempted_at"] == now
    assert await acquire(routing_db, now=now + timedelta(days=1)) == []
    assert await counts(admin) == {
        "outbox": 0,
        "lead_routing_logs": 5,
        "lead_routing_queue": 0,
        "lead_dedupe_hashes": 0,
    }


async def test_a_retry_leaves_the_queue_when_it_is_claimed(
    routing_db: Database, admin: Admin
) -> None:
    org_id, token = uuid4(), new_id()
    lead_id = await a_lead(routing_db, org_id)
    await acquire(routing_db, token=token)
    await fail(routing_db, token, org_id, lead_id)
    assert (await counts(admin))["lead_routing_queue"] == 1
    await acquire(routing_db, now=later(minutes=1))
    assert (await counts(admin))["lead_routing_queue"] == 0


async def test_a_retry_can_be_routed(routing_db: Database, admin: Admin) -> None:
    org_id, first, second = uuid4(), new_id(), new_id()
    workspace_id = await a_workspace(routing_db, org_id)
    lead_id = await a_lead(routing_db, org_id)
    await acquire(routing_db, token=first)
    await fail(routing_db, first, org_id, lead_id)
    now = later(minutes=1)
    await acquire(routing_db, token=second, now=now)
    answer = await complete(routing_db, second, org_id, lead_id, workspace_id, [a_hash()], now=now)
    assert answer == ("routed", None)
    logs = await admin.fetch("select attempt, outcome from routing.lead_routing_logs order by 1")
    assert [tuple(log) for log in logs] == [(1, "no_match"), (2, "routed")]
    assert await admin.fetchval("select routing_error from routing.leads") is None
