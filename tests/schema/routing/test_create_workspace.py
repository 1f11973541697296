"""A workspace is made once for a request id."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from services.chassis.database import Database
from services.chassis.errors import DomainError
from services.chassis.ids import new_id
from services.chassis.trace import new_root
from tests.schema.routing.builders import (
    Admin,
)


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
