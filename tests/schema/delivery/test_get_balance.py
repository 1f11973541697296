"""A workspace's balance."""

from uuid import UUID, uuid4

from services.chassis.database import Database, Record
from tests.schema.delivery.builders import (
    a_workspace,
    claim,
    delivery,
    offered,
)


async def test_a_balance_counts_what_waits_for_a_credit(delivery_db: Database) -> None:
    workspace = await a_workspace(delivery_db, credits=2)
    offers = await offered(delivery_db, workspace, 4)
    await claim(delivery_db)
    waiting = [
        offer for offer in offers if (await delivery(delivery_db, offer))["waiting_for"] == "credit"
    ]
    row = await _balance(delivery_db, workspace.org_id, workspace.workspace_id)
    assert row is not None
    assert dict(row) == {
        "workspace_id": workspace.workspace_id,
        "available": 0,
        "held": 2,
        "consumed": 0,
        "granted": 2,
        "waiting_delivery_count": len(waiting),
    }
    assert len(waiting) == 2


async def test_an_unknown_workspace_has_no_balance(delivery_db: Database) -> None:
    assert await _balance(delivery_db, uuid4(), uuid4()) is None


async def _balance(db: Database, org_id: UUID, workspace_id: UUID) -> Record | None:
    return await db.row(
        "get_balance", p_org_id=org_id, p_workspace_id=None, p_of_workspace_id=workspace_id
    )
