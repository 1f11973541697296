"""Waking what a wake-up skipped."""

from typing import Any

from services.chassis.database import Database
from tests.schema.delivery.builders import (
    NOW,
    a_workspace,
    delivery,
    offered,
)

TRACEPARENT = "00-" + "a" * 32 + "-" + "b" * 16 + "-00"


async def test_the_sweep_wakes_what_a_wake_up_skipped(delivery_db: Database, admin: Any) -> None:
    rich = await a_workspace(delivery_db, credits=1)
    poor = await a_workspace(delivery_db)
    (missed,) = await offered(delivery_db, rich)
    (waiting,) = await offered(delivery_db, poor)
    await admin.execute("update delivery.deliveries set waiting_for = 'credit'")
    woken = await delivery_db.value(
        "wake_parked_deliveries",
        p_limit=10,
        p_every_seconds=5.0,
        p_traceparent=TRACEPARENT,
        p_now=NOW,
    )
    assert woken == 1
    assert (await delivery(delivery_db, missed))["waiting_for"] is None
    assert (await delivery(delivery_db, waiting))["waiting_for"] == "credit"
