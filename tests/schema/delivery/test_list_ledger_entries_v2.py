"""The ledger's pages."""

from typing import Any
from uuid import uuid4

from services.chassis.database import Database
from tests.schema.delivery.builders import (
    a_workspace,
    claim,
    complete,
    grant,
    offered,
)

TRACEPARENT = "00-" + "a" * 32 + "-" + "b" * 16 + "-00"


async def test_the_ledger_lists_both_sides_of_everything_newest_first_in_pages(
    delivery_db: Database,
) -> None:
    workspace = await a_workspace(delivery_db, credits=3)
    offers = await offered(delivery_db, workspace, 2)
    token = uuid4()
    await claim(delivery_db, token=token)
    await complete(delivery_db, offers, tokens=[token, token])
    seen: list[tuple[Any, ...]] = []
    before: tuple[int | None, str | None] = (None, None)
    while page := await delivery_db.rows(
        "list_ledger_entries_v2",
        p_org_id=workspace.org_id,
        p_workspace_id=None,
        p_of_workspace_id=workspace.workspace_id,
        p_limit=3,
        p_before_version=before[0],
        p_after_account=before[1],
    ):
        seen += [
            tuple(row[c] for c in ("type", "account", "amount", "balance_after")) for row in page
        ]
        before = (page[-1]["version"], page[-1]["account"])
    assert seen == [
        ("CREDIT_CONSUMPTION", "consumed", 1, 2),
        ("CREDIT_CONSUMPTION", "held", -1, 0),
        ("CREDIT_CONSUMPTION", "consumed", 1, 1),
        ("CREDIT_CONSUMPTION", "held", -1, 1),
        ("CREDIT_HOLD", "available", -1, 1),
        ("CREDIT_HOLD", "held", 1, 2),
        ("CREDIT_HOLD", "available", -1, 2),
        ("CREDIT_HOLD", "held", 1, 1),
        ("CREDIT_GRANT", "available", 3, 3),
        ("CREDIT_GRANT", "granted", -3, -3),
    ]


async def test_a_grant_has_its_reason_on_both_sides(delivery_db: Database) -> None:
    workspace = await a_workspace(delivery_db)
    await grant(delivery_db, workspace, 2)
    page = {"p_of_workspace_id": workspace.workspace_id, "p_limit": 9}
    tenant = {"p_org_id": workspace.org_id, "p_workspace_id": None}
    found = await delivery_db.rows("list_ledger_entries_v2", **tenant, **page)
    assert [row["reason"] for row in found] == ["a test", "a test"]
    older = await delivery_db.rows("list_ledger_entries", **tenant, **page)
    assert [dict(row) for row in older] == [
        {name: value for name, value in row.items() if name != "reason"} for row in found
    ]
