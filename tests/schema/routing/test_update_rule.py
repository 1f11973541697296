"""An update publishes a new version of what was read last."""

import asyncio
from uuid import uuid4

import pytest

from services.chassis.database import Database
from services.chassis.errors import DomainError
from tests.schema.routing.builders import (
    Admin,
    a_rule,
    a_workspace,
    update_rule,
)


async def test_an_update_publishes_a_version_and_keeps_what_it_leaves_out(
    routing_db: Database, admin: Admin
) -> None:
    org_id = uuid4()
    rule = await a_rule(routing_db, org_id, await a_workspace(routing_db, org_id))
    updated = await update_rule(routing_db, org_id, rule["rule_id"], "1", p_condition="false")
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
        *(update_rule(routing_db, org_id, rule["rule_id"], "1", p_name=str(n)) for n in range(50)),
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
        await update_rule(routing_db, uuid4(), rule["rule_id"], "1", p_name="mine")


async def test_a_rule_cannot_move_to_another_orgs_workspace(routing_db: Database) -> None:
    org_id, theirs = uuid4(), await a_workspace(routing_db, uuid4())
    rule = await a_rule(routing_db, org_id, await a_workspace(routing_db, org_id))
    with pytest.raises(DomainError, match="WORKSPACE_NOT_FOUND"):
        await update_rule(routing_db, org_id, rule["rule_id"], "1", p_workspace_id=theirs)
