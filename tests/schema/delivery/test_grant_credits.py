"""Granting credits."""

from uuid import uuid4

import pytest

from services.chassis.database import Database
from services.chassis.errors import DomainError
from tests.schema.delivery.builders import (
    Workspace,
    a_workspace,
    balance,
    broken_equations,
    grant,
)

TRACEPARENT = "00-" + "a" * 32 + "-" + "b" * 16 + "-00"


async def test_a_repeated_request_grants_once(
    delivery_db: Database,
) -> None:
    workspace = await a_workspace(delivery_db)
    first = await grant(delivery_db, workspace, 5, request_id="r", request_hash="h")
    await grant(delivery_db, workspace, 1)
    again = await grant(delivery_db, workspace, 5, request_id="r", request_hash="h")
    assert dict(first) == dict(again)
    assert await balance(delivery_db, workspace) == (6, 0, 0)


async def test_a_request_id_with_other_content_is_refused(delivery_db: Database) -> None:
    workspace = await a_workspace(delivery_db)
    await grant(delivery_db, workspace, 5, request_id="r", request_hash="h")
    with pytest.raises(DomainError) as refused:
        await grant(delivery_db, workspace, 6, request_id="r", request_hash="other")
    assert refused.value.reason == "REQUEST_ID_REUSED"


async def test_a_workspace_that_is_not_known_gets_no_credits(delivery_db: Database) -> None:
    with pytest.raises(DomainError) as refused:
        await grant(delivery_db, Workspace(org_id=uuid4(), workspace_id=uuid4()), 1)
    assert refused.value.reason == "WORKSPACE_NOT_FOUND"


async def test_a_grant_past_the_bound_is_refused_and_changes_nothing(
    delivery_db: Database,
) -> None:
    workspace = await a_workspace(delivery_db, credits=1_999_999_990)
    with pytest.raises(DomainError) as refused:
        await grant(delivery_db, workspace, 11, request_id="r", request_hash="h")
    assert refused.value.reason == "INVALID_REQUEST"
    assert refused.value.metadata == {"fields": "credits"}
    assert "10 more" in refused.value.message
    await grant(delivery_db, workspace, 10)
    assert await balance(delivery_db, workspace) == (2_000_000_000, 0, 0)
    assert await broken_equations(delivery_db) == {}
