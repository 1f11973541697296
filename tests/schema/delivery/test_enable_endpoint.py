"""Enabling an endpoint that was disabled."""

from uuid import UUID, uuid4

import pytest

from services.chassis.database import Database, Record
from services.chassis.errors import DomainError
from services.chassis.trace import new_root
from tests.schema.delivery.builders import (
    NOW,
    a_workspace,
    an_endpoint,
    claim,
    offered,
)


async def test_an_enabled_endpoint_is_sent_what_waited_for_it(delivery_db: Database) -> None:
    workspace = await a_workspace(delivery_db, credits=1, endpoints=0)
    endpoint_id = await an_endpoint(delivery_db, workspace)
    await _call(delivery_db, "disable_endpoint", workspace.org_id, endpoint_id)
    (offer,) = await offered(delivery_db, workspace)
    assert await claim(delivery_db) == []
    for _ in range(2):
        row = await _call(delivery_db, "enable_endpoint", workspace.org_id, endpoint_id)
        assert (row["status"], row["disabled_reason"]) == ("active", None)
    assert [row["delivery_id"] for row in await claim(delivery_db)] == [offer.delivery_id]


async def test_an_endpoint_of_another_org_is_not_found(delivery_db: Database) -> None:
    endpoint_id = await an_endpoint(delivery_db, await a_workspace(delivery_db, endpoints=0))
    with pytest.raises(DomainError) as refused:
        await _call(delivery_db, "enable_endpoint", uuid4(), endpoint_id)
    assert refused.value.reason == "ENDPOINT_NOT_FOUND"


async def _call(db: Database, function: str, org_id: UUID, endpoint_id: UUID) -> Record:
    row = await db.row(
        function,
        p_org_id=org_id,
        p_endpoint_id=endpoint_id,
        p_traceparent=new_root().traceparent,
        p_now=NOW,
    )
    assert row is not None
    return row
