"""Totals that other services must equal."""

from uuid import uuid4

from services.chassis.database import Database
from tests.schema.routing.builders import (
    Admin,
    leads_in_every_state,
)


async def test_leads_and_offers_that_left_are_counted(routing_db: Database, admin: Admin) -> None:
    await leads_in_every_state(routing_db, uuid4())
    totals = {row["name"]: row["total"] for row in await routing_db.rows("book_totals")}
    assert totals == {"leads_taken_over": 5, "offers_handed_over": 0}
    await admin.execute("update routing.outbox set status = 'sent'")
    totals = {row["name"]: row["total"] for row in await routing_db.rows("book_totals")}
    assert totals["offers_handed_over"] == 1
