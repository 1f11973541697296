"""Whether another lead of the org holds a hash: yes or no, and nothing more."""

from uuid import UUID, uuid4

import pytest

from services.chassis.database import Database
from services.chassis.ids import new_id
from tests.schema.routing.builders import (
    DEDUPE_SECONDS,
    NOW,
    a_hash,
    a_routed_lead,
    a_workspace,
    later,
)


@pytest.mark.parametrize("held", [True, False])
async def test_a_check_answers_yes_or_no(routing_db: Database, held: bool) -> None:
    org_id = uuid4()
    workspace_id = await a_workspace(routing_db, org_id)
    phone = a_hash()
    lead_id = await a_routed_lead(routing_db, org_id, workspace_id, [phone])

    async def check(org: UUID, lead: UUID, *hashes: str) -> bool:
        answer: bool = await routing_db.value(
            "check_cross_partner_duplicate",
            p_org_id=org,
            p_lead_id=lead,
            p_hashes=hashes,
            p_now=NOW if held else later(seconds=DEDUPE_SECONDS),
        )
        return answer

    assert await check(org_id, new_id(), a_hash(), phone) is held
    assert await check(org_id, lead_id, phone) is False
    assert await check(uuid4(), new_id(), phone) is False
    assert await check(org_id, new_id()) is False
