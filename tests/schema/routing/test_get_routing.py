"""Where the routing of a lead stands."""

from typing import Any
from uuid import UUID, uuid4

from services.chassis.database import Database
from services.chassis.ids import new_id
from services.chassis.trace import new_root
from tests.schema.routing.builders import a_lead, acquire, fail, later


async def test_a_lead_is_seen_by_its_own_org_from_the_start(routing_db: Database) -> None:
    org_id, trace, token = uuid4(), new_root(), new_id()
    lead_id = await a_lead(routing_db, org_id, traceparent=trace.traceparent)

    async def get(org: UUID) -> tuple[Any, ...] | None:
        row = await routing_db.row("get_routing", p_org_id=org, p_lead_id=lead_id)
        return None if row is None else tuple(row.values())

    assert await get(uuid4()) is None
    assert await get(org_id) == ("pending", None, None, 0, None, trace.trace_id)
    await acquire(routing_db, token=token)
    await fail(routing_db, token, org_id, lead_id)
    retry_at = later(minutes=1)
    assert await get(org_id) == ("failed", None, "NO_MATCH", 1, retry_at, trace.trace_id)
