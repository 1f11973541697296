"""A rule is made once, for a workspace of its org, and within bounds."""

import asyncio
from uuid import uuid4

import pytest

from services.chassis.database import Database
from services.chassis.errors import DomainError
from tests.schema.routing.builders import (
    Admin,
    a_rule,
    a_workspace,
    enabled_rules,
    update_rule,
)

ENABLED_MAX = 100
BLOCKED = "from pg_locks where not granted and pg_backend_pid() = any (pg_blocking_pids(pid))"


async def test_a_rule_needs_a_workspace_of_its_own_org(routing_db: Database) -> None:
    theirs = await a_workspace(routing_db, uuid4())
    with pytest.raises(DomainError, match="WORKSPACE_NOT_FOUND") as refused:
        await a_rule(routing_db, uuid4(), theirs)
    assert refused.value.metadata == {"workspace_id": str(theirs)}


async def test_the_same_request_id_makes_one_rule(routing_db: Database, admin: Admin) -> None:
    org_id = uuid4()
    workspace_id = await a_workspace(routing_db, org_id)
    request = {"p_request_id": "r1", "p_request_hash": "same"}
    first = await a_rule(routing_db, org_id, workspace_id, **request)
    assert await a_rule(routing_db, org_id, workspace_id, **request) == first
    assert await admin.fetchval("select count(*) from routing.rules") == 1


async def test_an_org_has_at_most_so_many_enabled_rules(routing_db: Database, admin: Admin) -> None:
    org_id, other = uuid4(), uuid4()
    workspace_id = await a_workspace(routing_db, org_id)
    rules = [await a_rule(routing_db, org_id, workspace_id) for _ in range(ENABLED_MAX)]
    with pytest.raises(DomainError, match="TOO_MANY_RULES") as refused:
        await a_rule(routing_db, org_id, workspace_id)
    assert refused.value.metadata == {"enabled_max": str(ENABLED_MAX)}
    await update_rule(routing_db, org_id, rules[0]["rule_id"], "1", p_name="still mine to change")
    await update_rule(routing_db, org_id, rules[0]["rule_id"], "2", p_enabled=False)
    await a_rule(routing_db, org_id, workspace_id)
    with pytest.raises(DomainError, match="TOO_MANY_RULES"):
        await update_rule(routing_db, org_id, rules[0]["rule_id"], "3", p_enabled=True)
    await update_rule(routing_db, org_id, rules[0]["rule_id"], "3", p_name="off")
    assert await enabled_rules(admin) == ENABLED_MAX
    await a_rule(routing_db, other, await a_workspace(routing_db, other))


async def test_rules_made_at_once_are_no_more_than_an_org_may_have(
    routing_db: Database, admin: Admin
) -> None:
    org_id = uuid4()
    workspace_id = await a_workspace(routing_db, org_id)
    for _ in range(ENABLED_MAX - 1):
        await a_rule(routing_db, org_id, workspace_id)
    async with admin.transaction():
        await admin.execute(
            """select routing.create_rule($1, $2, $3, 'the last one', 0, 'true', null, null,
              format('00-%s-%s-01', repeat('a', 32), repeat('b', 16)))""",
            *(org_id, uuid4(), workspace_id),
        )
        another = asyncio.create_task(a_rule(routing_db, org_id, workspace_id))
        while not another.done() and not await admin.fetchval(f"select count(*) {BLOCKED}"):
            pass
    with pytest.raises(DomainError, match="TOO_MANY_RULES"):
        await another
    assert await enabled_rules(admin) == ENABLED_MAX
