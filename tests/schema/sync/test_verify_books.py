"""The consistency check names what does not add up."""

from services.chassis.database import Database
from tests.schema.sync.builders import (
    ORG,
    Admin,
    a_pulled_page,
)


async def test_a_ledger_that_lost_an_event_is_named(sync_db: Database, admin: Admin) -> None:
    await a_pulled_page(sync_db, ORG)

    async def broken() -> dict[str, int]:
        rows = await sync_db.rows("verify_books")
        counts = {row["equation"]: row["violation_count"] for row in rows}
        return {equation: count for equation, count in counts.items() if count}

    assert await broken() == {}
    (total,) = [
        row["total"]
        for row in await sync_db.rows("book_totals")
        if row["name"] == "events_taken_over_from_scheduling"
    ]
    assert total == 1
    await admin.execute("update sync.sync_ledger set stored = stored - 1")
    assert set(await broken()) == {
        "received = stored + duplicate + rejected",
        "each page's ledger counts its events",
    }
