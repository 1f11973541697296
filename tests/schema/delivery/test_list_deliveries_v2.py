"""Pages of deliveries."""

from uuid import UUID, uuid4

from services.chassis.database import Database
from tests.schema.delivery.builders import (
    a_workspace,
    claim,
    complete,
    finish,
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


async def test_each_has_the_error_of_its_own_latest_attempt(delivery_db: Database) -> None:
    workspace = await a_workspace(delivery_db, credits=1)
    (tried,) = await offered(delivery_db, workspace)
    (waiting,) = await offered(delivery_db, await a_workspace(delivery_db, org_id=workspace.org_id))
    token = uuid4()
    rows = await claim(delivery_db, token=token)
    await finish(
        delivery_db, rows, token, action="dead_letter", outcome="rejected", error="HTTP 422"
    )
    page = {"p_of_workspace_id": None, "p_status": None, "p_limit": 9}
    tenant = {"p_org_id": workspace.org_id, "p_workspace_id": None}
    found = await delivery_db.rows("list_deliveries_v2", **tenant, **page)
    errors = {row["delivery_id"]: row["last_error"] for row in found}
    assert errors == {tried.delivery_id: "HTTP 422", waiting.delivery_id: None}
    older = await delivery_db.rows("list_deliveries", **tenant, **page)
    assert [dict(row) for row in older] == [
        {name: value for name, value in row.items() if name != "last_error"} for row in found
    ]


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
        "list_deliveries_v2",
        p_org_id=org_id,
        p_workspace_id=None,
        p_of_workspace_id=of_workspace_id,
        p_status=status,
        p_limit=limit,
        p_before=before,
    )
    return [row["delivery_id"] for row in rows]
