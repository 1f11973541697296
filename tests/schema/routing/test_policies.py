"""As routing's own role, SQL sees and writes rows of the orgs that were entered, and no others."""

from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg
import pytest

from services.chassis.database import Database
from services.chassis.ids import new_id
from tests.conftest import with_login
from tests.schema.routing.builders import (
    Admin,
    a_hash,
    a_lead,
    a_routed_lead,
    a_rule,
    a_workspace,
    acquire,
    fail,
)

TABLES = (
    "workspaces",
    "rules",
    "rule_versions",
    "leads",
    "lead_routing_queue",
    "lead_routing_logs",
    "lead_dedupe_hashes",
    "outbox",
)


@pytest.fixture
async def login(database_url: str) -> AsyncIterator[Admin]:
    """A connection as routing's login role, for statements of our own."""
    connection = await asyncpg.connect(with_login(database_url, "waybill_routing"))
    try:
        yield connection
    finally:
        await connection.close()


async def test_no_org_sees_rows_of_another_in_any_table(
    routing_db: Database, admin: Admin, login: Admin
) -> None:
    ours, theirs = uuid4(), uuid4()
    workspace_id = await a_workspace(routing_db, theirs)
    await a_rule(routing_db, theirs, workspace_id)
    await a_routed_lead(routing_db, theirs, workspace_id, [a_hash()])
    token, lead_id = new_id(), await a_lead(routing_db, theirs)
    await acquire(routing_db, token=token)
    await fail(routing_db, token, theirs, lead_id)
    for table in TABLES:
        count = f"select count(*) from routing.{table}"
        there = await admin.fetchval(count)
        assert there > 0
        assert await login.fetchval(count) == 0
        async with login.transaction():
            await login.execute("select routing.set_tenant(array[$1]::uuid[])", ours)
            assert await login.fetchval(count) == 0
            await login.execute("select routing.set_tenant(array[$1]::uuid[])", theirs)
            assert await login.fetchval(count) == there


async def test_a_row_of_another_org_cannot_be_written(login: Admin) -> None:
    async with login.transaction():
        await login.execute("select routing.set_tenant(array[$1]::uuid[])", uuid4())
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await login.execute(
                """insert into routing.workspaces
                   (org_id, workspace_id, name, offer_policy, created_at, trace_id)
                   values ($1, $2, 'x', 'direct', now(), repeat('a', 32))""",
                uuid4(), uuid4(),
            )  # fmt: skip


@pytest.mark.parametrize(
    "statement",
    [
        "update routing.lead_routing_logs set outcome = 'error'",
        "delete from routing.lead_routing_logs",
        "update routing.rule_versions set condition = 'true'",
        "delete from routing.rule_versions",
        "delete from routing.leads",
        "delete from routing.lead_dedupe_hashes",
    ],
)
async def test_history_cannot_be_changed(login: Admin, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await login.execute(statement)
