"""Completing one delivery: a batch of one."""

from services.chassis.database import Database
from tests.schema.delivery.builders import (
    a_workspace,
    offered,
)


async def test_the_single_form_answers_the_outcome(delivery_db: Database) -> None:
    workspace = await a_workspace(delivery_db, credits=1)
    (offer,) = await offered(delivery_db, workspace)
    outcomes = [
        await delivery_db.value(
            "complete_delivery_and_consume_credit",
            p_org_id=offer.org_id,
            p_delivery_id=offer.delivery_id,
            p_traceparent=offer.traceparent,
        )
        for _ in range(2)
    ]
    assert outcomes == ["completed", "duplicate"]
