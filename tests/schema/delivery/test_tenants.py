"""A tenant sees and touches nothing of another's, by any function and by SQL as the service."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from services.chassis.database import Database
from services.chassis.errors import DomainError
from tests.schema.delivery.builders import (
    Workspace,
    a_workspace,
    advance,
    claim,
    complete,
    grant,
    offered,
)

# Every table with an org_id; each has a row of tenant B when these tests look.
TABLES = [
    *("attempts", "credit_accounts", "credit_entries", "credit_holds", "credit_transactions"),
    *("deliveries", "delivery_endpoints", "delivery_waits", "endpoint_secrets", "endpoints"),
    *("lead_events", "lead_offers", "workspaces"),
]


@pytest.fixture
async def other(delivery_db: Database) -> Workspace:
    """Another tenant's workspace, with a row in every table."""
    workspace = await a_workspace(delivery_db)
    await offered(delivery_db, workspace)
    await claim(delivery_db)
    await grant(delivery_db, workspace, 1)
    await claim(delivery_db)
    return workspace


@pytest.mark.parametrize("table", TABLES)
async def test_the_service_role_sees_no_row_of_an_org_that_is_not_its_tenant(
    table: str, other: Workspace, admin: Any
) -> None:
    sql = f"select count(*) from delivery.{table}"
    assert await admin.fetchval(sql) > 0
    await admin.execute("set role waybill_delivery")
    assert await admin.fetchval(sql) == 0
    async with admin.transaction():
        await admin.execute("select delivery.set_tenant(array[$1::uuid])", uuid4())
        assert await admin.fetchval(sql) == 0
    async with admin.transaction():
        await admin.execute("select delivery.set_tenant(array[$1::uuid])", other.org_id)
        assert await admin.fetchval(sql) > 0
        await admin.execute(
            "select delivery.set_tenant(array[$1::uuid], $2::uuid)", other.org_id, uuid4()
        )
        assert await admin.fetchval(sql) == 0


def _orgs(org_id: UUID) -> dict[str, Any]:
    return {"p_org_id": org_id, "p_workspace_id": None}


async def test_no_list_or_look_up_answers_with_another_tenants_row(
    delivery_db: Database, other: Workspace, admin: Any
) -> None:
    me = uuid4()
    offer_id = await admin.fetchval("select offer_id from delivery.lead_offers")
    delivery_id = await admin.fetchval("select delivery_id from delivery.deliveries")
    look_ups: list[tuple[str, dict[str, Any]]] = [
        ("get_offer", {"p_offer_id": offer_id}),
        ("list_offer_events", {"p_offer_id": offer_id}),
        ("get_delivery", {"p_delivery_id": delivery_id}),
        ("get_delivery_v2", {"p_delivery_id": delivery_id}),
        ("list_attempts", {"p_delivery_id": delivery_id}),
        ("get_balance", {"p_of_workspace_id": other.workspace_id}),
        ("list_ledger_entries", {"p_of_workspace_id": other.workspace_id, "p_limit": 9}),
        ("list_ledger_entries_v2", {"p_of_workspace_id": other.workspace_id, "p_limit": 9}),
        ("list_endpoints", {"p_of_workspace_id": other.workspace_id, "p_limit": 9}),
        ("list_offers", {"p_of_workspace_id": None, "p_lead_id": None, "p_limit": 9}),
        ("list_deliveries", {"p_of_workspace_id": None, "p_status": None, "p_limit": 9}),
        ("list_deliveries_v2", {"p_of_workspace_id": None, "p_status": None, "p_limit": 9}),
    ]
    for function, arguments in look_ups:
        assert await delivery_db.rows(function, **_orgs(other.org_id), **arguments), function
        assert await delivery_db.rows(function, **_orgs(me), **arguments) == [], function


async def test_no_write_reaches_another_tenants_row(
    delivery_db: Database, other: Workspace, admin: Any
) -> None:
    row = await admin.fetchrow("select delivery_id, offer_id, lead_id from delivery.deliveries")
    (mine,) = await offered(delivery_db, await a_workspace(delivery_db))
    theirs = type(mine)(
        org_id=mine.org_id,
        workspace_id=other.workspace_id,
        lead_id=row["lead_id"],
        offer_id=row["offer_id"],
        delivery_id=row["delivery_id"],
        traceparent=mine.traceparent,
    )
    assert await complete(delivery_db, [theirs]) == {theirs.delivery_id: "not_found"}
    with pytest.raises(DomainError) as offer:
        await advance(delivery_db, theirs, "STOPPED")
    with pytest.raises(DomainError) as credits:
        await grant(delivery_db, Workspace(org_id=mine.org_id, workspace_id=other.workspace_id), 1)
    assert offer.value.reason == "OFFER_NOT_FOUND"
    assert credits.value.reason == "WORKSPACE_NOT_FOUND"
