"""The trace of a retry leads to the trace of its lead."""

from uuid import UUID, uuid4

from services.chassis.database import Database
from services.chassis.ids import new_id
from services.chassis.trace import new_root
from tests.schema.routing.builders import (
    a_lead,
    acquire,
    fail,
)


async def test_the_trace_of_a_retry_is_found(routing_db: Database) -> None:
    org_id, trace, retry, token = uuid4(), new_root(), new_root(), new_id()
    lead_id = await a_lead(routing_db, org_id, traceparent=trace.traceparent)
    await acquire(routing_db, token=token)
    await fail(routing_db, token, org_id, lead_id, attempt_traceparent=retry.traceparent)

    async def find(trace_id: str) -> list[tuple[UUID, str]]:
        rows = await routing_db.rows("find_attempt_traces", p_trace_id=trace_id)
        return [(row["org_id"], row["trace_id"]) for row in rows]

    assert await find(retry.trace_id) == [(org_id, trace.trace_id)]
    assert await find(trace.trace_id) == []


async def test_the_trace_of_a_repeat_is_found(routing_db: Database) -> None:
    org_id, trace, attempt, token = uuid4(), new_root(), new_root(), new_id()
    lead_id = await a_lead(routing_db, org_id, traceparent=trace.traceparent)
    await acquire(routing_db, token=token)
    for _ in range(2):
        await fail(routing_db, token, org_id, lead_id, attempt_traceparent=attempt.traceparent)
    rows = await routing_db.rows("find_attempt_traces", p_trace_id=attempt.trace_id)
    assert [(row["org_id"], row["trace_id"]) for row in rows] == [(org_id, trace.trace_id)]
