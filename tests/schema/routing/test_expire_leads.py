"""What was not decided within 90 days is not delivered any more."""

from datetime import datetime
from uuid import uuid4

from services.chassis.database import Database
from services.chassis.ids import new_id
from services.chassis.trace import new_root
from tests.schema.routing.builders import (
    LEASE_SECONDS,
    NOW,
    Admin,
    a_hash,
    a_lead,
    a_routed_lead,
    a_workspace,
    acquire,
    counts,
    fail,
    later,
    leads,
    status_of,
)


async def expire(database: Database, now: datetime, *, limit: int = 100) -> int | None:
    expired: int | None = await database.value(
        "expire_leads",
        p_limit=limit,
        p_every_seconds=60.0,
        p_traceparent=new_root().traceparent,
        p_now=now,
    )
    return expired


async def test_a_lead_expires_after_90_days_and_not_before(
    routing_db: Database, admin: Admin
) -> None:
    lead_id = await a_lead(routing_db, uuid4())
    assert await expire(routing_db, later(days=90, minutes=-1)) == 0
    assert await expire(routing_db, later(days=90)) == 1
    assert await status_of(admin, lead_id) == "expired"
    assert await acquire(routing_db, now=later(days=91)) == []


async def test_a_waiting_retry_expires_and_leaves_the_queue(
    routing_db: Database, admin: Admin
) -> None:
    org_id, token = uuid4(), new_id()
    lead_id = await a_lead(routing_db, org_id)
    await acquire(routing_db, token=token)
    await fail(routing_db, token, org_id, lead_id)
    assert await expire(routing_db, later(days=90)) == 1
    assert await status_of(admin, lead_id) == "expired"
    assert (await counts(admin))["lead_routing_queue"] == 0


async def test_a_lead_that_a_worker_holds_is_left_to_it(routing_db: Database, admin: Admin) -> None:
    lead_id = await a_lead(routing_db, uuid4(), received_at=later(days=-90, seconds=1))
    await acquire(routing_db)
    assert await expire(routing_db, later(seconds=LEASE_SECONDS - 1)) == 0
    assert await expire(routing_db, later(seconds=LEASE_SECONDS + 60)) == 1
    assert await status_of(admin, lead_id) == "expired"


async def test_a_routed_lead_never_expires(routing_db: Database, admin: Admin) -> None:
    org_id = uuid4()
    workspace_id = await a_workspace(routing_db, org_id)
    lead_id = await a_routed_lead(routing_db, org_id, workspace_id, [a_hash()])
    assert await expire(routing_db, later(days=365)) == 0
    assert await status_of(admin, lead_id) == "routed"


async def test_a_tick_is_bounded_and_runs_once(routing_db: Database) -> None:
    await leads(routing_db, uuid4(), 5, received_at=later(days=-91))
    assert await expire(routing_db, NOW, limit=3) == 3
    assert await expire(routing_db, NOW, limit=3) is None
    assert await expire(routing_db, later(minutes=1), limit=3) == 2
