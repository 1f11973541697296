"""Whether delivery has its copy of a workspace."""

from uuid import uuid4

from services.chassis.database import Database
from tests.schema.delivery.builders import (
    a_workspace,
)


async def test_a_workspace_is_known_to_its_own_org_once_it_is_saved(
    delivery_db: Database,
) -> None:
    workspace = await a_workspace(delivery_db)
    known = [
        await delivery_db.value(
            "has_workspace", p_org_id=org_id, p_workspace_id=workspace.workspace_id
        )
        for org_id in (workspace.org_id, uuid4())
    ]
    assert known == [True, False]
