"""Lengthening the lease of a claimed delivery."""

from typing import Any
from uuid import uuid4

from services.chassis.database import Database
from tests.schema.delivery.builders import (
    LEASE_SECONDS,
    Offered,
    a_workspace,
    claim,
    later,
    offered,
)


async def test_a_lengthened_lease_is_not_claimed_by_another(delivery_db: Database) -> None:
    workspace = await a_workspace(delivery_db, credits=1)
    (offer,) = await offered(delivery_db, workspace)
    token = uuid4()
    await claim(delivery_db, token=token)
    assert await _extend(delivery_db, offer, token, seconds=30) is True
    assert await claim(delivery_db, now=later(LEASE_SECONDS)) == []
    assert await _extend(delivery_db, offer, token, seconds=30 + LEASE_SECONDS) is False


async def test_a_lease_is_lengthened_only_by_its_holder(delivery_db: Database) -> None:
    workspace = await a_workspace(delivery_db, credits=5)
    (sent,) = await offered(delivery_db, workspace, 1)
    await claim(delivery_db, token=uuid4())
    assert await _extend(delivery_db, sent, uuid4(), seconds=0) is False


async def _extend(db: Database, offer: Offered, token: Any, *, seconds: float) -> bool:
    extended: bool = await db.value(
        "extend_delivery_lease",
        p_org_id=offer.org_id,
        p_delivery_id=offer.delivery_id,
        p_token=token,
        p_lease_seconds=LEASE_SECONDS,
        p_hold_seconds=3600.0,
        p_now=later(seconds),
    )
    return extended
