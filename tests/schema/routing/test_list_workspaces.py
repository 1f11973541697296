"""Workspaces in pages, oldest first."""

from uuid import uuid4

from services.chassis.database import Database
from tests.schema.routing.builders import (
    a_workspace,
)


async def test_a_list_of_workspaces_goes_on_where_the_page_ended(routing_db: Database) -> None:
    org_id = uuid4()
    workspaces = [await a_workspace(routing_db, org_id) for _ in range(3)]
    await a_workspace(routing_db, uuid4())
    page = await routing_db.rows(
        "list_workspaces", p_org_id=org_id, p_limit=2, p_after=workspaces[0]
    )
    assert [row["workspace_id"] for row in page] == workspaces[1:]
