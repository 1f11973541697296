"""Pages of offers."""

from uuid import UUID

from services.chassis.database import Database
from tests.schema.delivery.builders import (
    a_workspace,
    offered,
)


async def test_offers_are_listed_newest_first_by_workspace_and_lead(
    delivery_db: Database,
) -> None:
    workspace = await a_workspace(delivery_db)
    other = await a_workspace(delivery_db, org_id=workspace.org_id)
    first, second = await offered(delivery_db, workspace, 2)
    (third,) = await offered(delivery_db, other)
    org_id = workspace.org_id
    everything = await _list(delivery_db, org_id)
    assert everything == [third.offer_id, second.offer_id, first.offer_id]
    assert await _list(delivery_db, org_id, limit=1, before=everything[0]) == everything[1:2]
    assert await _list(delivery_db, org_id, of_workspace_id=other.workspace_id) == everything[:1]
    assert await _list(delivery_db, org_id, lead_id=first.lead_id) == everything[2:]


async def _list(
    db: Database,
    org_id: UUID,
    *,
    of_workspace_id: UUID | None = None,
    lead_id: UUID | None = None,
    limit: int = 10,
    before: UUID | None = None,
) -> list[UUID]:
    rows = await db.rows(
        "list_offers",
        p_org_id=org_id,
        p_workspace_id=None,
        p_of_workspace_id=of_workspace_id,
        p_lead_id=lead_id,
        p_limit=limit,
        p_before=before,
    )
    return [row["offer_id"] for row in rows]
