"""The business trace of an attempt's own trace."""

from uuid import uuid4

from services.chassis.database import Database
from tests.schema.delivery.builders import (
    a_workspace,
    claim,
    finish,
    later,
    offered,
)


async def test_a_retrys_own_trace_leads_to_the_offers(delivery_db: Database) -> None:
    workspace = await a_workspace(delivery_db, credits=1)
    (offer,) = await offered(delivery_db, workspace)
    token = uuid4()
    first = await claim(delivery_db, token=token)
    await finish(delivery_db, first, token, action="retry")
    (retry,) = await claim(delivery_db, now=later(10))
    own = retry["attempt_traceparent"][3:35]
    found = await delivery_db.rows("find_attempt_traces", p_trace_id=own)
    business = offer.traceparent[3:35]
    assert [tuple(row.values()) for row in found] == [(workspace.org_id, business)]
    assert await delivery_db.rows("find_attempt_traces", p_trace_id=business) == []
