"""Pages of endpoints."""

from uuid import UUID

from services.chassis.database import Database
from tests.schema.delivery.builders import (
    a_workspace,
    an_endpoint,
)


async def test_endpoints_are_listed_oldest_first_by_workspace(delivery_db: Database) -> None:
    workspace = await a_workspace(delivery_db, endpoints=0)
    other = await a_workspace(delivery_db, endpoints=0, org_id=workspace.org_id)
    everything = [await an_endpoint(delivery_db, one) for one in (workspace, workspace, other)]
    org_id = workspace.org_id
    assert await _list(delivery_db, org_id) == everything
    assert await _list(delivery_db, org_id, limit=1, after=everything[0]) == everything[1:2]
    assert await _list(delivery_db, org_id, of_workspace_id=other.workspace_id) == everything[2:]


async def _list(
    db: Database,
    org_id: UUID,
    *,
    of_workspace_id: UUID | None = None,
    limit: int = 10,
    after: UUID | None = None,
) -> list[UUID]:
    rows = await db.rows(
        "list_endpoints",
        p_org_id=org_id,
        p_workspace_id=None,
        p_of_workspace_id=of_workspace_id,
        p_limit=limit,
        p_after=after,
    )
    return [row["endpoint_id"] for row in rows]
