"""A workspace is read by its org."""

from uuid import uuid4

from services.chassis.database import Database
from tests.schema.routing.builders import NOW, a_workspace


async def test_a_workspace_is_seen_by_its_own_org(routing_db: Database) -> None:
    org_id = uuid4()
    workspace_id = await a_workspace(routing_db, org_id, offer_policy="manual")
    row = await routing_db.row("get_workspace", p_org_id=org_id, p_workspace_id=workspace_id)
    assert row is not None
    assert tuple(row.values()) == (workspace_id, "Acme", "manual", NOW)
    for org, workspace in ((uuid4(), workspace_id), (org_id, uuid4())):
        assert await routing_db.row("get_workspace", p_org_id=org, p_workspace_id=workspace) is None
