"""An operator, who belongs to no org, finds the orgs of a trace."""

from uuid import uuid4

from services.chassis.database import Database
from services.chassis.trace import new_root
from tests.schema.routing.builders import (
    a_lead,
)


async def test_an_operator_finds_the_org_of_a_trace(routing_db: Database) -> None:
    org_id, trace = uuid4(), new_root()
    await a_lead(routing_db, org_id, traceparent=trace.traceparent)
    assert await routing_db.value("find_trace_orgs", p_trace_id=trace.trace_id) == org_id
    assert await routing_db.rows("find_trace_orgs", p_trace_id="0" * 32) == []
