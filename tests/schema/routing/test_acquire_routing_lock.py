"""One lead is claimed by its id, under the same lease as many are."""

from uuid import uuid4

from services.chassis.database import Database, Record
from services.chassis.ids import new_id
from tests.schema.routing.builders import (
    LEASE_SECONDS,
    NOW,
    acquire,
    leads,
)


async def test_one_lead_is_claimed_by_its_id_once(routing_db: Database) -> None:
    org_id = uuid4()
    lead_id, _ = await leads(routing_db, org_id, 2)

    async def acquire_one(org: object) -> list[Record]:
        return await routing_db.rows(
            "acquire_routing_lock",
            p_org_id=org,
            p_lead_id=lead_id,
            p_worker="tester",
            p_token=new_id(),
            p_lease_seconds=LEASE_SECONDS,
            p_now=NOW,
        )

    assert await acquire_one(uuid4()) == []
    (row,) = await acquire_one(org_id)
    assert (row["lead_id"], row["attempt"], row["interruptions"]) == (lead_id, 1, 0)
    assert await acquire_one(org_id) == []
    assert len(await acquire(routing_db)) == 1
