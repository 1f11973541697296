"""An operator, who belongs to no org, finds the org of a lead."""

from uuid import uuid4

from services.chassis.database import Database
from tests.schema.routing.builders import (
    a_lead,
)


async def test_an_operator_finds_the_org_of_a_lead(routing_db: Database) -> None:
    org_id = uuid4()
    lead_id = await a_lead(routing_db, org_id)
    by_lead = {"p_kind": "lead_id", "p_value": str(lead_id)}
    assert await routing_db.value("find_orgs_of", **by_lead) == org_id
    assert await routing_db.rows("find_orgs_of", p_kind="webhook_id", p_value="x") == []
