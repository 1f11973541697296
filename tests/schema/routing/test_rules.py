"""Workspaces and rules: made once, versioned, tried in order."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.chassis.database import Database
from services.chassis.errors import DomainError
from services.chassis.ids import new_id
from services.chassis.trace import new_root
from tests.schema.routing.builders import NOW, Admin, a_rule, a_workspace

ENABLED_MAX = 100


async def update(
    database: Database, org_id: UUID, rule_id: str, etag: str, **changes: Any
) -> dict[str, Any]:
    arguments: dict[str, Any] = dict.fromkeys(
        ("p_workspace_id", "p_name", "p_priority", "p_condition", "p_enabled")
    )
    updated: dict[str, Any] = await database.value(
        "update_rule",
        p_org_id=org_id,
        p_rule_id=UUID(rule_id),
        p_etag=etag,
        **{**arguments, **changes},
        p_traceparent=new_root().traceparent,
        p_now=NOW,
    )
    return updated


async def test_the_same_request_id_makes_one_workspace(routing_db: Database, admin: Admin) -> None:
    org_id = uuid4()

    async def create(content_hash: str) -> Any:
        return await routing_db.value(
            "create_workspace",
            p_org_id=org_id,
            p_workspace_id=new_id(),
            p_name="Acme",
            p_offer_policy="direct",
            p_request_id="r1",
            p_request_hash=content_hash,
            p_traceparent=new_root().traceparent,
        )

    answers = await asyncio.gather(*(create("same") for _ in range(50)))
    assert all(answer == answers[0] for answer in answers)
    assert await admin.fetchval("select count(*) from routing.workspaces") == 1
    with pytest.raises(DomainError, match="REQUEST_ID_REUSED"):
        await create("other")


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


async def test_an_update_publishes_a_version_and_keeps_what_it_leaves_out(
    routing_db: Database, admin: Admin
) -> None:
    org_id = uuid4()
    rule = await a_rule(routing_db, org_id, await a_workspace(routing_db, org_id))
    updated = await update(routing_db, org_id, rule["rule_id"], "1", p_condition="false")
    assert updated == {**rule, "version": 2, "condition": "false"}
    versions = await admin.fetch(
        "select version, condition from routing.rule_versions order by version"
    )
    assert [tuple(row) for row in versions] == [(1, "true"), (2, "false")]


async def test_of_updates_with_the_same_etag_one_is_published(
    routing_db: Database, admin: Admin
) -> None:
    org_id = uuid4()
    rule = await a_rule(routing_db, org_id, await a_workspace(routing_db, org_id))
    answers = await asyncio.gather(
        *(update(routing_db, org_id, rule["rule_id"], "1", p_name=str(n)) for n in range(50)),
        return_exceptions=True,
    )
    refusals = [answer for answer in answers if isinstance(answer, DomainError)]
    assert len(refusals) == 49
    assert {(refusal.reason, refusal.metadata["etag"]) for refusal in refusals} == {
        ("ETAG_MISMATCH", "2")
    }
    assert await admin.fetchval("select count(*) from routing.rule_versions") == 2


async def test_another_orgs_rule_cannot_be_updated(routing_db: Database) -> None:
    org_id = uuid4()
    rule = await a_rule(routing_db, org_id, await a_workspace(routing_db, org_id))
    with pytest.raises(DomainError, match="RULE_NOT_FOUND"):
        await update(routing_db, uuid4(), rule["rule_id"], "1", p_name="mine")


async def test_a_rule_cannot_move_to_another_orgs_workspace(routing_db: Database) -> None:
    org_id, theirs = uuid4(), await a_workspace(routing_db, uuid4())
    rule = await a_rule(routing_db, org_id, await a_workspace(routing_db, org_id))
    with pytest.raises(DomainError, match="WORKSPACE_NOT_FOUND"):
        await update(routing_db, org_id, rule["rule_id"], "1", p_workspace_id=theirs)


async def enabled_rules(admin: Admin) -> int:
    count: int = await admin.fetchval("select count(*) from routing.rules where enabled")
    return count


async def test_an_org_has_at_most_so_many_enabled_rules(routing_db: Database, admin: Admin) -> None:
    org_id, other = uuid4(), uuid4()
    workspace_id = await a_workspace(routing_db, org_id)
    rules = [await a_rule(routing_db, org_id, workspace_id) for _ in range(ENABLED_MAX)]
    with pytest.raises(DomainError, match="TOO_MANY_RULES") as refused:
        await a_rule(routing_db, org_id, workspace_id)
    assert refused.value.metadata == {"enabled_max": str(ENABLED_MAX)}
    await update(routing_db, org_id, rules[0]["rule_id"], "1", p_name="still mine to change")
    await update(routing_db, org_id, rules[0]["rule_id"], "2", p_enabled=False)
    await a_rule(routing_db, org_id, workspace_id)
    with pytest.raises(DomainError, match="TOO_MANY_RULES"):
        await update(routing_db, org_id, rules[0]["rule_id"], "3", p_enabled=True)
    await update(routing_db, org_id, rules[0]["rule_id"], "3", p_name="off")
    assert await enabled_rules(admin) == ENABLED_MAX
    await a_rule(routing_db, other, await a_workspace(routing_db, other))


BLOCKED = "from pg_locks where not granted and pg_backend_pid() = any (pg_blocking_pids(pid))"


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


async def test_enabled_rules_are_tried_by_priority_then_age(routing_db: Database) -> None:
    ours, theirs = uuid4(), uuid4()
    workspace_id = await a_workspace(routing_db, ours)
    late = await a_rule(routing_db, ours, workspace_id, p_priority=5)
    older = await a_rule(routing_db, ours, workspace_id, p_priority=1)
    younger = await a_rule(routing_db, ours, workspace_id, p_priority=1)
    off = await a_rule(routing_db, ours, workspace_id, p_priority=0)
    await update(routing_db, ours, off["rule_id"], "1", p_enabled=False)
    their_rule = await a_rule(routing_db, theirs, await a_workspace(routing_db, theirs))
    rows = await routing_db.rows("get_rule_sets", p_org_ids=[ours, theirs])
    by_org: dict[UUID, list[str]] = {ours: [], theirs: []}
    for row in rows:
        by_org[row["org_id"]].append(str(row["rule_id"]))
    assert by_org == {
        ours: [rule["rule_id"] for rule in (older, younger, late)],
        theirs: [their_rule["rule_id"]],
    }


async def test_lists_go_on_where_the_page_ended(routing_db: Database) -> None:
    org_id = uuid4()
    workspaces = [await a_workspace(routing_db, org_id) for _ in range(3)]
    await a_workspace(routing_db, uuid4())
    page = await routing_db.rows(
        "list_workspaces", p_org_id=org_id, p_limit=2, p_after=workspaces[0]
    )
    assert [row["workspace_id"] for row in page] == workspaces[1:]
    rules = [
        await a_rule(routing_db, org_id, workspaces[0], p_priority=priority)
        for priority in (1, 1, 0)
    ]
    order = [rules[2], rules[0], rules[1]]
    pages = []
    after: tuple[int | None, UUID | None] = (None, None)
    for _ in range(3):
        (row,) = await routing_db.rows(
            "list_rules",
            p_org_id=org_id,
            p_limit=1,
            p_after_priority=after[0],
            p_after_rule_id=after[1],
        )
        pages.append(str(row["rule_id"]))
        after = (row["priority"], row["rule_id"])
    assert pages == [rule["rule_id"] for rule in order]
