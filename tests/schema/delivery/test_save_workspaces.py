"""Delivery's copy of workspaces."""

from typing import Any

from services.chassis.database import Database
from services.chassis.trace import new_root
from tests.schema.delivery.builders import (
    a_workspace,
    balance,
    later,
)


async def test_a_newer_policy_replaces_the_older_and_the_account_stays(
    delivery_db: Database, admin: Any
) -> None:
    workspace = await a_workspace(delivery_db, credits=3)
    await delivery_db.rows(
        "save_workspaces",
        p_org_ids=[workspace.org_id] * 2,
        p_workspace_ids=[workspace.workspace_id] * 2,
        p_offer_policies=["direct", "manual"],
        p_traceparents=[new_root().traceparent] * 2,
        p_now=later(1),
    )
    rows = await admin.fetch("select offer_policy from delivery.workspaces")
    assert [row["offer_policy"] for row in rows] == ["manual"]
    assert await balance(delivery_db, workspace) == (3, 0, 0)
