"""Creating an endpoint."""

from typing import Any
from uuid import uuid4

import pytest

from services.chassis.database import Database, Record
from services.chassis.errors import DomainError
from services.chassis.ids import new_id
from services.chassis.trace import new_root
from tests.schema.delivery.builders import (
    NOW,
    Workspace,
    a_workspace,
)


async def test_the_same_request_creates_one_endpoint_and_returns_its_secret(
    delivery_db: Database, admin: Any
) -> None:
    workspace = await a_workspace(delivery_db, endpoints=0)
    first = await _create(delivery_db, workspace)
    assert dict(await _create(delivery_db, workspace)) == dict(first)
    assert (first["status"], first["ciphertext"]) == ("active", b"sealed")
    assert await admin.fetchval("select count(*) from delivery.endpoints") == 1


async def test_a_workspace_that_is_not_known_gets_no_endpoint(delivery_db: Database) -> None:
    with pytest.raises(DomainError) as refused:
        await _create(delivery_db, Workspace(org_id=uuid4(), workspace_id=uuid4()))
    assert refused.value.reason == "WORKSPACE_NOT_FOUND"


async def _create(db: Database, workspace: Workspace) -> Record:
    row = await db.row(
        "create_endpoint",
        p_org_id=workspace.org_id,
        p_endpoint_id=new_id(),
        p_workspace_id=workspace.workspace_id,
        p_url="https://buyer.example/leads",
        p_secret_id=new_id(),
        p_ciphertext=b"sealed",
        p_request_id="r",
        p_request_hash="h",
        p_traceparent=new_root().traceparent,
        p_now=NOW,
    )
    assert row is not None
    return row
