"""find_traces: by id, newest first, within the caller's orgs."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from services.chassis.database import Database
from tests.schema.scheduling.bookings import (
    book,
)
from tests.schema.scheduling.builders import NOW, a_calendar, later

HOUR = timedelta(hours=1)
TOMORROW = NOW + timedelta(days=1)


async def test_traces_are_found_by_page_for_their_own_org_only(scheduling_db: Database) -> None:
    org_id, contact_id = uuid4(), uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    traces = [
        (
            await book(
                scheduling_db, org_id, calendar_id, TOMORROW + hour * HOUR,
                p_contact_id=contact_id, now=later(hour),
            )
        )["trace_id"]
        for hour in range(3)
    ]  # fmt: skip

    async def find(value: object, *, org: UUID = org_id, **more: Any) -> list[Any]:
        return list(
            await scheduling_db.rows(
                "find_traces",
                **{
                    "p_org_ids": [org], "p_workspace_id": None, "p_kind": "external_id",
                    "p_value": str(value), "p_limit": 2, **more,
                },
            )
        )  # fmt: skip

    page = await find(contact_id)
    after = {"p_before": page[-1]["started_at"], "p_before_key": page[-1]["key"]}
    found = [row["trace_id"] for row in [*page, *await find(contact_id, **after)]]
    assert found == traces[::-1]
    assert await find(contact_id, org=uuid4()) == []
    assert await find(contact_id, p_kind="lead_id") == []
    assert await find(contact_id, p_workspace_id=uuid4()) == []
    assert await find("no uuid") == []
