"""Pages of deliveries."""

from uuid import UUID

from services.chassis.database import Database
from tests.schema.delivery.builders import (
    a_workspace,
    complete,
    offered,
)


async def test_deliveries_are_listed_newest_first_by_workspace_and_status(
    delivery_db: Database,
) -> None:
    workspace = await a_workspace(delivery_db, credits=1)
    other = await a_workspace(delivery_db, org_id=workspace.org_id)
    first, second = await offered(delivery_db, workspace, 2)
    (third,) = await offered(delivery_db, other)
    await complete(delivery_db, [first])
    org_id = workspace.org_id
    everything = await _list(delivery_db, org_id)
    assert everything == [third.delivery_id, second.delivery_id, first.delivery_id]
    assert await _list(delivery_db, org_id, limit=1, before=everything[0]) == everything[1:2]
    assert await _list(delivery_db, org_id, of_workspace_id=other.workspace_id) == everything[:1]
    assert await _list(delivery_db, org_id, status="DELIVERED") == everything[2:]


async def _list(
    db: Database,
    org_id: UUID,
    *,
    of_workspace_id: UUID | None = None,
    status: str | None = None,
    limit: int = 10,
    before: UUID | None = None,
) -> list[UUID]:
    rows = await db.rows(
        "list_deliveries",
        p_org_id=org_id,
        p_workspace_id=None,
        p_of_workspace_id=of_workspace_id,
        p_status=status,
        p_limit=limit,
        p_before=before,
    )
    return [row["delivery_id"] for row in rows]
