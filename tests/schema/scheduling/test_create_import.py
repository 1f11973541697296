"""create_import: up to a limit for each calendar."""

import asyncio
from uuid import UUID, uuid4

from services.chassis.database import Database
from tests.schema.scheduling.bookings import outcome_of
from tests.schema.scheduling.builders import NOW, a_calendar, request, trace


async def test_a_calendar_has_at_most_twenty_imports(scheduling_db: Database) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)

    async def create() -> None:
        await scheduling_db.value(
            "create_import", p_org_id=org_id, p_import_id=uuid4(), p_calendar_id=calendar_id,
            p_ciphertext=b"sealed", p_every_seconds=900, **request(), p_traceparent=trace(),
            p_now=NOW,
        )  # fmt: skip

    outcomes = await asyncio.gather(*(outcome_of(create()) for _ in range(25)))
    assert sorted(outcomes) == ["IMPORT_LIMIT_REACHED"] * 5 + ["booked"] * 20
    page = await scheduling_db.rows(
        "list_imports", p_org_id=org_id, p_calendar_id=calendar_id, p_limit=8
    )
    last = UUID(page[-1]["import"]["import_id"])
    rest = await scheduling_db.rows(
        "list_imports", p_org_id=org_id, p_calendar_id=calendar_id, p_limit=100, p_after=last
    )
    assert len({row["import"]["import_id"] for row in [*page, *rest]}) == 20
    missing = scheduling_db.rows("list_imports", p_org_id=org_id, p_calendar_id=uuid4(), p_limit=8)
    assert await outcome_of(missing) == "CALENDAR_NOT_FOUND"
