"""Totals that another service's must equal."""

from typing import Any
from uuid import uuid4

import pytest

from services.chassis.database import Database
from tests.schema.delivery.builders import (
    a_workspace,
    broken_equations,
    claim,
    finish,
    offered,
)


@pytest.fixture
async def books(delivery_db: Database) -> Database:
    """Books with a delivered lead and one under way."""
    workspace = await a_workspace(delivery_db, credits=5)
    sent, _ = await offered(delivery_db, workspace, 2)
    token = uuid4()
    rows = await claim(delivery_db, token=token)
    mine = [row for row in rows if row["delivery_id"] == sent.delivery_id]
    await finish(delivery_db, mine, token, action="complete")
    assert await broken_equations(delivery_db) == {}
    return delivery_db


async def test_what_was_accepted_and_handed_over_is_counted(books: Database, admin: Any) -> None:
    await admin.execute(
        "update delivery.outbox set status = 'sent' where payload ->> 'type' = 'offer_made'"
    )
    totals = {row["name"]: row["total"] for row in await books.rows("book_totals")}
    assert totals == {"offers_taken_over": 2, "delivery_events_handed_over": 2}
