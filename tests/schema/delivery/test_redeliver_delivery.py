"""Queueing a failed delivery again."""

from uuid import uuid4

import pytest

from services.chassis.database import Database
from services.chassis.errors import DomainError
from tests.schema.delivery.builders import (
    Offered,
    a_workspace,
    an_offer,
    attempts,
    claim,
    complete,
    finish,
    later,
    offered,
)


async def test_a_dead_letter_is_redelivered_with_its_attempts_counted_from_zero(
    delivery_db: Database,
) -> None:
    workspace = await a_workspace(delivery_db, credits=1)
    (offer,) = await offered(delivery_db, workspace)
    token = uuid4()
    rows = await claim(delivery_db, token=token)
    await finish(
        delivery_db, rows, token, action="dead_letter", outcome="rejected", reason="rejected"
    )
    await _redeliver(delivery_db, offer)
    (row,) = await claim(delivery_db, now=later(1))
    assert (row["delivery_id"], row["attempt_count"]) == (offer.delivery_id, 1)
    assert [one["number"] for one in await attempts(delivery_db, offer)] == [1, 2]


async def test_only_a_failed_delivery_is_redelivered(delivery_db: Database) -> None:
    workspace = await a_workspace(delivery_db, credits=1)
    (offer,) = await offered(delivery_db, workspace)
    with pytest.raises(DomainError) as pending:
        await _redeliver(delivery_db, offer)
    await complete(delivery_db, [offer])
    with pytest.raises(DomainError) as delivered:
        await _redeliver(delivery_db, offer)
    with pytest.raises(DomainError) as unknown:
        await _redeliver(delivery_db, an_offer(workspace))
    assert pending.value.reason == delivered.value.reason == "DELIVERY_STATE_REFUSED"
    assert unknown.value.reason == "DELIVERY_NOT_FOUND"


async def _redeliver(db: Database, offer: Offered) -> None:
    await db.rows(
        "redeliver_delivery",
        p_org_id=offer.org_id,
        p_delivery_id=offer.delivery_id,
        p_traceparent=offer.traceparent,
        p_now=later(0),
    )
