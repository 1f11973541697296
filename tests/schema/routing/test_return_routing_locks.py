"""Leads whose work was interrupted go back as they were."""

from uuid import uuid4

from services.chassis.database import Database
from services.chassis.ids import new_id
from tests.schema.routing.builders import (
    Admin,
    a_lead,
    acquire,
    later,
)


async def test_an_interrupted_lead_goes_back_with_the_attempt_unspent(
    routing_db: Database, admin: Admin
) -> None:
    org_id, token = uuid4(), new_id()
    lead_id = await a_lead(routing_db, org_id)
    await acquire(routing_db, token=token)

    async def give_back(token: object) -> int:
        returned: int = await routing_db.value(
            "return_routing_locks",
            p_org_ids=[org_id],
            p_lead_ids=[lead_id],
            p_token=token,
            p_now=later(seconds=1),
        )
        return returned

    assert await give_back(new_id()) == 0
    assert await give_back(token) == 1
    row = await admin.fetchrow("select * from routing.leads")
    assert row is not None
    assert (row["routing_status"], row["routing_attempts"]) == ("pending", 0)
    assert row["routing_lock_token"] is None
    (again,) = await acquire(routing_db, now=later(seconds=1))
    assert again["attempt"] == 1
