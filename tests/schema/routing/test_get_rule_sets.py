"""The rules that leads meet, in order."""

from uuid import UUID, uuid4

from services.chassis.database import Database
from tests.schema.routing.builders import (
    a_rule,
    a_workspace,
    update_rule,
)


async def test_enabled_rules_are_tried_by_priority_then_age(routing_db: Database) -> None:
    ours, theirs = uuid4(), uuid4()
    workspace_id = await a_workspace(routing_db, ours)
    late = await a_rule(routing_db, ours, workspace_id, p_priority=5)
    older = await a_rule(routing_db, ours, workspace_id, p_priority=1)
    younger = await a_rule(routing_db, ours, workspace_id, p_priority=1)
    off = await a_rule(routing_db, ours, workspace_id, p_priority=0)
    await update_rule(routing_db, ours, off["rule_id"], "1", p_enabled=False)
    their_rule = await a_rule(routing_db, theirs, await a_workspace(routing_db, theirs))
    rows = await routing_db.rows("get_rule_sets", p_org_ids=[ours, theirs])
    by_org: dict[UUID, list[str]] = {ours: [], theirs: []}
    for row in rows:
        by_org[row["org_id"]].append(str(row["rule_id"]))
    assert by_org == {
        ours: [rule["rule_id"] for rule in (older, younger, late)],
        theirs: [their_rule["rule_id"]],
    }
