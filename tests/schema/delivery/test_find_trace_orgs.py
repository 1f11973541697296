"""The orgs that have rows of a trace."""

from services.chassis.database import Database
from tests.schema.delivery.builders import (
    a_workspace,
    offered,
)


async def test_the_org_of_an_offers_trace_is_found(delivery_db: Database) -> None:
    workspace = await a_workspace(delivery_db)
    (offer,) = await offered(delivery_db, workspace)
    await offered(delivery_db, await a_workspace(delivery_db))
    orgs = await delivery_db.rows("find_trace_orgs", p_trace_id=offer.traceparent[3:35])
    assert [row["org_id"] for row in orgs] == [workspace.org_id]
    assert await delivery_db.rows("find_trace_orgs", p_trace_id="f" * 32) == []
