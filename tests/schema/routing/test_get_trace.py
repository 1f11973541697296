"""A trace shows what happened to a lead, waits included."""

from typing import Any
from uuid import UUID, uuid4

from services.chassis.database import Database, Record
from services.chassis.ids import new_id
from services.chassis.trace import child_of, new_root
from tests.schema.routing.builders import (
    Admin,
    a_hash,
    a_lead,
    a_workspace,
    acquire,
    complete,
    fail,
    later,
)


async def trace_of(
    database: Database, org_id: UUID, trace_id: str, workspace_id: UUID | None = None
) -> list[Record]:
    return await database.rows(
        "get_trace", p_org_ids=[org_id], p_workspace_id=workspace_id, p_trace_id=trace_id
    )


def bars(rows: list[Record]) -> list[tuple[Any, ...]]:
    columns = ("name", "attempt", "started_at", "ended_at", "waiting", "outcome")
    return [tuple(row[column] for column in columns) for row in rows]


async def test_each_state_of_a_lead_is_a_bar(routing_db: Database) -> None:
    org_id, trace = uuid4(), new_root()
    workspace_id = await a_workspace(routing_db, org_id)
    lead_id = await a_lead(routing_db, org_id, traceparent=trace.traceparent, now=later(seconds=-2))
    taken = ("lead taken over", 0, later(seconds=-2), later(seconds=-2), False, "accepted")
    queue = ("routing queue", 1, later(seconds=-2), None, True, "pending")

    async def now_bars() -> list[tuple[Any, ...]]:
        return bars(await trace_of(routing_db, org_id, trace.trace_id))

    assert await now_bars() == [taken, queue]

    token = new_id()
    await acquire(routing_db, token=token, now=later(seconds=-1))
    running = ("routing attempt", 1, later(seconds=-1), None, False, "routing")
    assert await now_bars() == [taken, running]

    child = child_of(trace).traceparent
    await fail(routing_db, token, org_id, lead_id, now=later(seconds=0), attempt_traceparent=child)
    waited = ("routing queue", 1, later(seconds=-2), later(seconds=-1), True, "claimed")
    first = ("routing attempt", 1, later(seconds=-1), later(), False, "no_match")
    backoff = ("routing backoff", 2, later(), None, True, "pending")
    assert await now_bars() == [taken, waited, first, backoff]

    token, retried_at, retry = new_id(), later(minutes=1), new_root()
    await acquire(routing_db, token=token, now=retried_at)
    done_at = later(minutes=1, seconds=1)
    await complete(
        routing_db,
        token,
        org_id,
        lead_id,
        workspace_id,
        [a_hash()],
        now=done_at,
        attempt_traceparent=retry.traceparent,
    )
    rows = await trace_of(routing_db, org_id, trace.trace_id)
    assert bars(rows) == [
        taken,
        waited,
        first,
        ("routing backoff", 2, later(), retried_at, True, "claimed"),
        ("routing attempt", 2, retried_at, done_at, False, "routed"),
        ("dedupe hashes held", 0, done_at, done_at, False, "held"),
        ("queue delivery.offer_leads", 0, done_at, None, True, "pending"),
    ]
    decided = rows[4]
    assert decided["attempt_trace_id"] == retry.trace_id
    assert decided["ids"]["workspace_id"] == str(workspace_id)
    assert decided["details"]["candidates"][0]["result"] == "matched"


async def test_a_workspaces_token_sees_its_own_lead_and_no_other_workspaces_rules(
    routing_db: Database,
) -> None:
    org_id, token, trace = uuid4(), new_id(), new_root()
    ours, theirs = await a_workspace(routing_db, org_id), await a_workspace(routing_db, org_id)
    lead_id = await a_lead(routing_db, org_id, traceparent=trace.traceparent)
    await acquire(routing_db, token=token)
    await complete(routing_db, token, org_id, lead_id, ours, [a_hash()])
    rows = await trace_of(routing_db, org_id, trace.trace_id, ours)
    (attempt,) = [row for row in rows if row["name"] == "routing attempt"]
    assert "candidates" not in attempt["details"]
    assert await trace_of(routing_db, org_id, trace.trace_id, theirs) == []


async def test_a_workspaces_token_sees_no_handoffs(routing_db: Database) -> None:
    org_id, token, trace = uuid4(), new_id(), new_root()
    ours = await a_workspace(routing_db, org_id)
    lead_id = await a_lead(routing_db, org_id, traceparent=trace.traceparent)
    await acquire(routing_db, token=token)
    await complete(routing_db, token, org_id, lead_id, ours, [a_hash()])
    seen_by_org = await trace_of(routing_db, org_id, trace.trace_id)
    seen_by_workspace = await trace_of(routing_db, org_id, trace.trace_id, ours)
    handoffs = [row for row in seen_by_org if row["source_table"] == "outbox"]
    assert [row["name"] for row in handoffs] == ["queue delivery.offer_leads"]
    assert seen_by_workspace
    assert not [row for row in seen_by_workspace if row["source_table"] == "outbox"]


async def test_another_org_sees_nothing_of_a_trace(routing_db: Database) -> None:
    org_id, trace = uuid4(), new_root()
    await a_lead(routing_db, org_id, traceparent=trace.traceparent)
    assert await trace_of(routing_db, uuid4(), trace.trace_id) == []
    assert await trace_of(routing_db, org_id, trace.trace_id) != []


async def test_a_trace_of_a_workspace_tells_that_it_was_created(
    routing_db: Database, admin: Admin
) -> None:
    org_id = uuid4()
    await a_workspace(routing_db, org_id)
    trace_id = await admin.fetchval("select trace_id from routing.workspaces")
    (row,) = await trace_of(routing_db, org_id, trace_id)
    assert row["name"] == "workspace created"
