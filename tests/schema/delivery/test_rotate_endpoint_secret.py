"""rotate_endpoint_secret: the one before signs beside the new one for a while, older ones not."""

import asyncio
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.chassis.database import Database, Record
from services.chassis.errors import DomainError
from services.chassis.ids import new_id
from services.chassis.trace import new_root
from tests.schema.delivery.builders import (
    NOW,
    Workspace,
    a_workspace,
    an_endpoint,
    claim,
    later,
    offered,
)


async def rotate(
    db: Database,
    org_id: UUID,
    endpoint_id: UUID,
    ciphertext: bytes,
    *,
    overlap_seconds: int = 60,
    request_id: str | None = None,
    now: datetime = NOW,
) -> Record:
    row = await db.row(
        "rotate_endpoint_secret",
        p_org_id=org_id,
        p_endpoint_id=endpoint_id,
        p_secret_id=new_id(),
        p_ciphertext=ciphertext,
        p_overlap_seconds=overlap_seconds,
        p_request_id=request_id,
        p_request_hash=request_id and "hash",
        p_traceparent=new_root().traceparent,
        p_now=now,
    )
    assert row is not None
    return row


async def signing(db: Database, workspace: Workspace, now: datetime) -> Any:
    """The secrets that sign what is claimed then, newest first."""
    await offered(db, workspace, now=now)
    (row,) = await claim(db, now=now)
    return row["secrets"]


@pytest.fixture
async def workspace(delivery_db: Database) -> Workspace:
    """A workspace that has no endpoint yet."""
    return await a_workspace(delivery_db, credits=10, endpoints=0)


async def test_both_sign_until_the_overlap_ends(
    delivery_db: Database, workspace: Workspace
) -> None:
    endpoint_id = await an_endpoint(delivery_db, workspace)
    row = await rotate(delivery_db, workspace.org_id, endpoint_id, b"new", now=later(1))
    assert (row["endpoint_id"], row["ciphertext"]) == (endpoint_id, b"new")
    assert await signing(delivery_db, workspace, later(60)) == [b"new", b"sealed"]
    assert await signing(delivery_db, workspace, later(61)) == [b"new"]


async def test_a_secret_that_leaked_signs_nothing_more(
    delivery_db: Database, workspace: Workspace
) -> None:
    endpoint_id = await an_endpoint(delivery_db, workspace)
    await rotate(
        delivery_db, workspace.org_id, endpoint_id, b"new", overlap_seconds=0, now=later(1)
    )
    assert await signing(delivery_db, workspace, later(1)) == [b"new"]


async def test_at_most_two_sign_at_once(
    admin: Any, delivery_db: Database, workspace: Workspace
) -> None:
    endpoint_id = await an_endpoint(delivery_db, workspace)
    other = await a_workspace(delivery_db, org_id=workspace.org_id)
    for number in range(1, 4):
        ciphertext = f"{number}".encode()
        await rotate(delivery_db, workspace.org_id, endpoint_id, ciphertext, now=later(number))
    assert await signing(delivery_db, workspace, later(4)) == [b"3", b"2"]
    untouched = await admin.fetchval(
        "select count(*) from delivery.endpoint_secrets"
        " where workspace_id = $1 and retired_at is null",
        other.workspace_id,
    )
    assert untouched == 1


async def test_rotations_at_once_leave_two_that_sign(
    delivery_db: Database, workspace: Workspace
) -> None:
    endpoint_id = await an_endpoint(delivery_db, workspace)
    await asyncio.gather(
        *(
            rotate(delivery_db, workspace.org_id, endpoint_id, f"{n}".encode(), now=later(1))
            for n in range(5)
        )
    )
    assert len(await signing(delivery_db, workspace, later(2))) == 2


async def test_a_repeat_answers_the_same_secret(
    delivery_db: Database, workspace: Workspace
) -> None:
    endpoint_id = await an_endpoint(delivery_db, workspace)
    for number in range(2):
        row = await rotate(
            delivery_db, workspace.org_id, endpoint_id, f"{number}".encode(), request_id="r",
            now=later(1 + number),
        )  # fmt: skip
        assert row["ciphertext"] == b"0"
    assert await signing(delivery_db, workspace, later(3)) == [b"0", b"sealed"]


async def test_an_endpoint_of_another_org_is_not_found(
    delivery_db: Database, workspace: Workspace
) -> None:
    endpoint_id = await an_endpoint(delivery_db, workspace)
    for org_id, wanted in ((uuid4(), endpoint_id), (workspace.org_id, uuid4())):
        with pytest.raises(DomainError) as refused:
            await rotate(delivery_db, org_id, wanted, b"theirs")
        assert refused.value.reason == "ENDPOINT_NOT_FOUND"
    assert await signing(delivery_db, workspace, later(1)) == [b"sealed"]
