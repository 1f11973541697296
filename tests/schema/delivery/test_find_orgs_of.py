"""The orgs that know a lead."""

from services.chassis.database import Database
from tests.schema.delivery.builders import (
    a_workspace,
    offered,
)


async def test_the_orgs_of_a_lead_are_found_and_other_kinds_have_none(
    delivery_db: Database,
) -> None:
    workspace = await a_workspace(delivery_db)
    (offer,) = await offered(delivery_db, workspace)
    await offered(delivery_db, await a_workspace(delivery_db))
    orgs = await delivery_db.rows("find_orgs_of", p_kind="lead_id", p_value=str(offer.lead_id))
    assert [row["org_id"] for row in orgs] == [workspace.org_id]
    assert await delivery_db.rows("find_orgs_of", p_kind="webhook_id", p_value="x") == []
