"""One delivery."""

from services.chassis.database import Database
from tests.schema.delivery.builders import (
    NOW,
    a_workspace,
    claim,
    complete,
    delivery,
    offered,
)


async def test_a_delivery_says_when_it_is_tried_next_while_an_attempt_is_planned(
    delivery_db: Database,
) -> None:
    workspace = await a_workspace(delivery_db, credits=1)
    (offer,) = await offered(delivery_db, workspace)
    assert (await delivery(delivery_db, offer))["next_attempt_at"] == NOW
    await claim(delivery_db)
    sent = await delivery(delivery_db, offer)
    assert (sent["status"], sent["next_attempt_at"]) == ("IN_PROGRESS", None)
    await complete(delivery_db, [offer])
    done = await delivery(delivery_db, offer)
    assert (done["status"], done["completed_at"]) == ("DELIVERED", NOW)
    assert done["trace_id"] == offer.traceparent[3:35]
