"""One delivery."""

from datetime import timedelta
from uuid import uuid4

from services.chassis.database import Database
from tests.schema.delivery.builders import (
    NOW,
    Offered,
    a_workspace,
    claim,
    complete,
    delivery,
    finish,
    offered,
)


async def tried(db: Database, offer: Offered, *, at_seconds: float, error: str | None) -> None:
    """A try that failed, to be repeated five seconds later."""
    token, now = uuid4(), NOW + timedelta(seconds=at_seconds)
    rows = await claim(db, token=token, now=now)
    assert [row["delivery_id"] for row in rows] == [offer.delivery_id]
    await finish(db, rows, token, action="retry", hold_action="extend", error=error, now=now)


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


async def test_a_delivery_has_the_error_of_its_latest_attempt_until_it_is_delivered(
    delivery_db: Database,
) -> None:
    workspace = await a_workspace(delivery_db, credits=1)
    (offer,) = await offered(delivery_db, workspace)
    assert (await delivery(delivery_db, offer))["last_error"] is None
    await tried(delivery_db, offer, at_seconds=0, error="HTTP 503")
    assert (await delivery(delivery_db, offer))["last_error"] == "HTTP 503"
    await tried(delivery_db, offer, at_seconds=10, error="connection refused")
    assert (await delivery(delivery_db, offer))["last_error"] == "connection refused"
    await tried(delivery_db, offer, at_seconds=20, error=None)
    assert (await delivery(delivery_db, offer))["last_error"] == "retry"
    await complete(delivery_db, [offer])
    assert (await delivery(delivery_db, offer))["last_error"] is None


async def test_the_function_before_answers_the_same_without_the_error(
    delivery_db: Database,
) -> None:
    (offer,) = await offered(delivery_db, await a_workspace(delivery_db))
    row = await delivery_db.row(
        "get_delivery",
        p_org_id=offer.org_id,
        p_workspace_id=None,
        p_delivery_id=offer.delivery_id,
    )
    newer = dict(await delivery(delivery_db, offer))
    del newer["last_error"]
    assert row is not None
    assert dict(row) == newer
