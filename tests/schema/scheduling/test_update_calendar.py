"""update_calendar: what a change opens, closes and records."""

import asyncio
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.chassis.database import Database
from tests.schema.scheduling.bookings import book, broken_equations, cancel, outcome_of
from tests.schema.scheduling.builders import (
    ALL_DAY,
    NOW,
    OFFICE,
    Admin,
    a_calendar,
    a_service,
    an_import,
    holidays,
    later,
    starts,
    trace,
    update_calendar,
)

HOUR = timedelta(hours=1)
TOMORROW = NOW + timedelta(days=1)


async def update_service(
    db: Database, org_id: UUID, service_id: UUID, version: int, **changes: Any
) -> Any:
    """Changes a service."""
    return await db.value(
        "update_service",
        p_org_id=org_id,
        p_service_id=service_id,
        p_version=version,
        p_settings=changes,
        p_traceparent=trace(),
        p_now=NOW,
    )


async def test_the_audit_trail_holds_no_names(scheduling_db: Database, admin: Admin) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id, name="Ada Lovelace", kind="person")
    await update_calendar(scheduling_db, org_id, calendar_id, name="Grace Hopper", capacity=2)
    await update_calendar(scheduling_db, org_id, calendar_id, name="Ada Byron")
    service_id = await a_service(scheduling_db, org_id, [calendar_id], p_name="With Ada Lovelace")
    await update_service(scheduling_db, org_id, service_id, 1, name="With Grace Hopper")
    await an_import(scheduling_db, org_id, calendar_id, TOMORROW)
    await holidays(scheduling_db, org_id, "DE", date(2027, 1, 6))
    rows = await admin.fetch("select row_to_json(l)::text as text from scheduling.audit_logs l")
    assert len(rows) == 7
    text = "".join(row["text"] for row in rows)
    for name in ("Ada", "Grace", "sealed"):
        assert name not in text


async def test_a_change_is_recorded_as_it_was_made(scheduling_db: Database, admin: Admin) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id, hours=OFFICE)
    changed = await update_calendar(
        scheduling_db, org_id, calendar_id, kind="device", hours=ALL_DAY[:1]
    )
    assert (changed["kind"], changed["hours"]) == ("device", ALL_DAY[:1])
    row = await admin.fetchrow(
        "select before ->> 'kind' as was, after ->> 'kind' as is,"
        " jsonb_array_length(before -> 'hours') as hours_before,"
        " jsonb_array_length(after -> 'hours') as hours_after"
        " from scheduling.audit_logs where action = 'updated'"
    )
    assert row is not None
    assert tuple(row) == ("room", "device", 5, 1)


async def test_claims_beyond_a_lowered_capacity_take_up_a_seat(scheduling_db: Database) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id, capacity=3, slot_minutes=60)
    first, second, _ = [await book(scheduling_db, org_id, calendar_id, TOMORROW) for _ in range(3)]
    await update_calendar(scheduling_db, org_id, calendar_id, capacity=1, now=later(1))
    # Three are at once, as they were booked: none of that is broken.
    assert await broken_equations(scheduling_db) == {}
    for gone in (first, second):
        await cancel(scheduling_db, org_id, gone["appointment_id"])
        taken = book(scheduling_db, org_id, calendar_id, TOMORROW, now=later(2))
        assert await outcome_of(taken) == "SLOT_TAKEN"
        assert await starts(
            scheduling_db, org_id, calendar_id, TOMORROW, TOMORROW + HOUR, now=later(2)
        ) == []  # fmt: skip
    free = await scheduling_db.rows(
        "list_free_ranges", p_org_id=org_id, p_calendar_ids=[calendar_id],
        p_from=TOMORROW, p_to=TOMORROW + 2 * HOUR, p_limit=10, p_now=later(2),
    )  # fmt: skip
    assert [row["starts_at"] for row in free] == [TOMORROW + HOUR]
    await update_calendar(scheduling_db, org_id, calendar_id, capacity=2, now=later(3))
    outcomes = await asyncio.gather(
        *(
            outcome_of(book(scheduling_db, org_id, calendar_id, TOMORROW, now=later(4)))
            for _ in range(10)
        )
    )
    assert sorted(outcomes) == ["SLOT_TAKEN"] * 9 + ["booked"]
    assert await broken_equations(scheduling_db) == {}


@pytest.mark.parametrize("change", [{"horizon_days": 700}, {"zone": "Asia/Kathmandu"}])
async def test_a_wider_horizon_has_external_calendars_read_again_at_once(
    scheduling_db: Database, change: dict[str, Any]
) -> None:
    org_id, late, fresh = uuid4(), uuid4(), uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    import_id = await an_import(scheduling_db, org_id, calendar_id, TOMORROW)

    async def claim(token: UUID, minutes: float) -> list[Any]:
        return list(
            await scheduling_db.rows(
                "claim_imports", p_token=token, p_limit=10, p_lease_seconds=60.0,
                p_now=later(minutes),
            )
        )  # fmt: skip

    assert await claim(late, 1) == []
    assert len(await claim(late, 15)) == 1
    await update_calendar(scheduling_db, org_id, calendar_id, now=later(15), **change)
    # An importer that is reading it reads for the former settings.
    finished = await scheduling_db.value(
        "finish_import", p_org_id=org_id, p_import_id=import_id, p_token=late, p_starts=None,
        p_ends=None, p_etag="", p_last_modified="", p_content_hash="", p_error=None,
        p_now=later(15),
    )  # fmt: skip
    assert finished is False
    (due,) = await claim(fresh, 15)
    assert (due["content_hash"], due["etag"]) == ("", "")
