"""Rules in pages, in the order in which they are tried."""

from uuid import UUID, uuid4

from services.chassis.database import Database
from tests.schema.routing.builders import (
    a_rule,
    a_workspace,
)


async def test_a_list_of_rules_goes_on_where_the_page_ended(routing_db: Database) -> None:
    org_id = uuid4()
    workspace_id = await a_workspace(routing_db, org_id)
    rules = [
        await a_rule(routing_db, org_id, workspace_id, p_priority=priority)
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
