"""The decisions on a lead, oldest first."""

from uuid import uuid4

from services.chassis.database import Database
from services.chassis.ids import new_id
from tests.schema.routing.builders import RECORD, a_lead, acquire, fail, later


async def test_decisions_are_listed_in_order_for_the_leads_own_org(routing_db: Database) -> None:
    org_id = uuid4()
    lead_id = await a_lead(routing_db, org_id)
    for minutes in (0, 1):
        token, now = new_id(), later(minutes=minutes)
        await acquire(routing_db, token=token, now=now)
        await fail(routing_db, token, org_id, lead_id, now=now)
    rows = await routing_db.rows("list_decisions", p_org_id=org_id, p_lead_id=lead_id)
    assert [(row["attempt"], row["outcome"]) for row in rows] == [(1, "no_match"), (2, "no_match")]
    assert rows[0]["candidates"] == RECORD["candidates"]
    assert await routing_db.rows("list_decisions", p_org_id=uuid4(), p_lead_id=lead_id) == []
