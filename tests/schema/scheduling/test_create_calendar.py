"""create_calendar: a repeat creates no second one."""

from typing import Any
from uuid import uuid4

from services.chassis.database import Database
from services.chassis.ids import new_id
from tests.schema.scheduling.bookings import outcome_of
from tests.schema.scheduling.builders import NOW, request, settings, trace


async def test_a_request_id_creates_one_calendar(scheduling_db: Database) -> None:
    org_id, repeated = uuid4(), request()

    async def create(**more: str) -> Any:
        return await scheduling_db.value(
            "create_calendar", p_org_id=org_id, p_calendar_id=new_id(), p_settings=settings(),
            p_hours=[{"weekday": 1, "start_minute": 0, "end_minute": 60}],
            p_feed_secret_hash=b"hash", **{**repeated, **more}, p_traceparent=trace(), p_now=NOW,
        )  # fmt: skip

    first = await create()
    assert await create() == first
    assert len(first["hours"]) == 1
    assert await outcome_of(create(p_request_hash="other")) == "REQUEST_ID_REUSED"
