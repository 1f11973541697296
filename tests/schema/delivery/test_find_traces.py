"""Traces of offers by what operators search by."""

from uuid import UUID

from services.chassis.database import Database, Record
from tests.schema.delivery.builders import (
    a_workspace,
    later,
    offered,
)


async def test_traces_are_found_by_lead_and_by_workspace_newest_first(
    delivery_db: Database,
) -> None:
    workspace = await a_workspace(delivery_db)
    (old,) = await offered(delivery_db, workspace)
    (new,) = await offered(delivery_db, workspace, now=later(1))
    found = await _find(delivery_db, workspace.org_id, "workspace_id", workspace.workspace_id)
    assert [row["key"] for row in found] == [new.offer_id, old.offer_id]
    found = await _find(delivery_db, workspace.org_id, "lead_id", old.lead_id)
    assert [row["trace_id"] for row in found] == [old.traceparent[3:35]]
    assert await _find(delivery_db, workspace.org_id, "phone", "+4930123456") == []


async def _find(db: Database, org_id: UUID, kind: str, value: object) -> list[Record]:
    return await db.rows(
        "find_traces",
        p_org_ids=[org_id],
        p_workspace_id=None,
        p_kind=kind,
        p_value=str(value),
        p_limit=10,
    )
