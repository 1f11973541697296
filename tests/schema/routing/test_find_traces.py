"""Leads are found by what people know of them."""

from datetime import datetime
from uuid import UUID, uuid4

import pytest

from services.chassis.database import Database
from services.chassis.ids import new_id
from tests.schema.routing.builders import (
    Admin,
    a_lead,
    a_workspace,
    acquire,
    complete,
    later,
)


@pytest.mark.parametrize("kind", ["lead_id", "phone", "email", "workspace_id"])
async def test_a_lead_is_found_by_what_people_hold(
    routing_db: Database, admin: Admin, kind: str
) -> None:
    org_id = uuid4()
    workspace_id = await a_workspace(routing_db, org_id)
    lead_id = await a_lead(routing_db, org_id, phone="+4915112345678")
    await a_lead(routing_db, uuid4(), phone="+4915112345678")
    token = new_id()
    await acquire(routing_db, token=token)
    await complete(routing_db, token, org_id, lead_id, workspace_id, [])
    value = {
        "lead_id": str(lead_id),
        "phone": "+4915112345678",
        "email": "ada@example.com",
        "workspace_id": str(workspace_id),
    }[kind]

    async def find(value: str, before: datetime | None = None) -> list[UUID]:
        rows = await routing_db.rows(
            "find_traces",
            p_org_ids=[org_id],
            p_workspace_id=None,
            p_kind=kind,
            p_value=value,
            p_limit=10,
            p_before=before,
        )
        return [row["key"] for row in rows]

    assert await find(value) == [lead_id]
    assert await find(value, before=later()) == []
    assert await find(str(uuid4())) == []


async def test_kinds_that_routing_does_not_hold_give_no_rows(routing_db: Database) -> None:
    org_id = uuid4()
    await a_lead(routing_db, org_id)
    for kind in ("external_id", "webhook_id"):
        rows = await routing_db.rows(
            "find_traces",
            p_org_ids=[org_id],
            p_workspace_id=None,
            p_kind=kind,
            p_value="x",
            p_limit=10,
        )
        assert rows == []
