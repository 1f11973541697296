"""Changes of calendars, services and holidays: what they open, close and tell."""

import asyncio
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.chassis.database import Database
from tests.schema.scheduling.builders import (
    ALL_DAY,
    NOW,
    OFFICE,
    Admin,
    a_calendar,
    a_service,
    add_exception,
    an_import,
    book,
    broken_equations,
    cancel,
    holidays,
    later,
    outcome_of,
    refusal_of,
    request,
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
    told = "".join(row["text"] for row in rows)
    for name in ("Ada", "Grace", "sealed"):
        assert name not in told


async def test_a_change_is_told_as_it_was_made(scheduling_db: Database, admin: Admin) -> None:
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


async def test_who_is_beyond_a_lowered_capacity_takes_up_a_seat(scheduling_db: Database) -> None:
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


async def test_one_too_many_since_the_capacity_was_lowered_breaks_the_books(
    scheduling_db: Database, admin: Admin
) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id, capacity=2)
    first, _ = [await book(scheduling_db, org_id, calendar_id, TOMORROW) for _ in range(2)]
    await cancel(scheduling_db, org_id, first["appointment_id"])
    await update_calendar(scheduling_db, org_id, calendar_id, capacity=1, now=later(1))
    third = await book(scheduling_db, org_id, calendar_id, TOMORROW + HOUR, now=later(2))
    await admin.execute(
        "update scheduling.claims set during = tstzrange($2::timestamptz, $2 + interval '1 hour')"
        " where appointment_id = $1",
        *(UUID(third["appointment_id"]), TOMORROW),
    )
    broken = await broken_equations(scheduling_db)
    assert any(name.startswith("no more live claims at a time") for name in broken)


async def test_holidays_replaced_at_once_end_as_one_of_them_said(
    scheduling_db: Database, admin: Admin
) -> None:
    org_id = uuid4()
    days = [date(2027, 1, 1) + timedelta(days=each) for each in range(20)]
    await asyncio.gather(*(holidays(scheduling_db, org_id, "DE", *days) for _ in range(16)))
    rows = await scheduling_db.rows("get_holidays", p_org_id=org_id, p_holiday_set="DE")
    assert [row["day"] for row in rows] == days
    await holidays(scheduling_db, org_id, "DE", days[3])
    told = await admin.fetch(
        "select l.before ->> 'days' as before, l.after ->> 'days' as after, l.occurred_at,"
        " s.trace_id = l.trace_id as is_last from scheduling.audit_logs l"
        " join scheduling.holiday_sets s on s.holiday_set_id = l.subject_id order by l.ordinal"
    )
    assert len(told) == 17
    assert told[-1]["after"] == f'["{days[3]}"]'
    assert told[-1]["before"] == told[0]["after"]
    assert told[-1]["is_last"]
    assert told[-1]["occurred_at"] == NOW


@pytest.mark.parametrize("change", [{"horizon_days": 700}, {"zone": "Asia/Kathmandu"}])
async def test_a_wider_horizon_has_external_calendars_read_again_at_once(
    scheduling_db: Database, change: dict[str, Any]
) -> None:
    org_id, late, anew = uuid4(), uuid4(), uuid4()
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
    # Whoever reads it has read what was asked for before.
    finished = await scheduling_db.value(
        "finish_import", p_org_id=org_id, p_import_id=import_id, p_token=late, p_starts=None,
        p_ends=None, p_etag="", p_last_modified="", p_content_hash="", p_error=None,
        p_now=later(15),
    )  # fmt: skip
    assert finished is False
    (due,) = await claim(anew, 15)
    assert (due["content_hash"], due["etag"]) == ("", "")


async def test_buffers_stay_clear_of_imported_busy_times(scheduling_db: Database) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(
        scheduling_db, org_id, buffer_before_minutes=15, buffer_after_minutes=30, slot_minutes=15
    )
    await an_import(scheduling_db, org_id, calendar_id, TOMORROW)
    found = await starts(
        scheduling_db, org_id, calendar_id, TOMORROW - 2 * HOUR, TOMORROW + 2 * HOUR
    )
    # Busy from 8 to 9: an hour must end by 7:30, or begin at 9:15 at the earliest.
    assert [at.strftime("%H:%M") for at in found] == [
        "06:00", "06:15", "06:30", "09:15", "09:30", "09:45",
    ]  # fmt: skip
    refused = await refusal_of(book(scheduling_db, org_id, calendar_id, TOMORROW - HOUR))
    assert (refused.reason, refused.metadata["cause"]) == ("SLOT_CLOSED", "hours")


async def test_a_changed_service_is_booked_as_it_is_then(scheduling_db: Database) -> None:
    org_id = uuid4()
    rooms = [await a_calendar(scheduling_db, org_id) for _ in range(2)]
    service_id = await a_service(scheduling_db, org_id, rooms[:1])
    changed = await update_service(
        scheduling_db, org_id, service_id, 1,
        calendar_ids=[str(room) for room in rooms], durations_minutes=[45], price_credits=2,
    )  # fmt: skip
    assert (changed["version"], changed["name"]) == (2, "Consultation")
    booked = await book(scheduling_db, org_id, None, TOMORROW, 45, p_service_id=service_id)
    assert (len(booked["calendar_ids"]), booked["price_credits"]) == (2, 2)
    stale = update_service(scheduling_db, org_id, service_id, 1, needs_approval=True)
    assert await outcome_of(stale) == "ETAG_MISMATCH"
    unknown = update_service(scheduling_db, org_id, service_id, 2, calendar_ids=[str(uuid4())])
    assert await outcome_of(unknown) == "CALENDAR_NOT_FOUND"
    missing = update_service(scheduling_db, uuid4(), service_id, 2, needs_approval=True)
    assert await outcome_of(missing) == "SERVICE_NOT_FOUND"


async def test_exceptions_are_found_by_page_and_can_be_taken_back(scheduling_db: Database) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    added = [
        await add_exception(scheduling_db, org_id, calendar_id, TOMORROW.date(), "closed", 0, 60)
        for _ in range(3)
    ]
    found: list[str] = []
    after: dict[str, Any] = {}
    while rows := await scheduling_db.rows(
        "list_exceptions", p_org_id=org_id, p_calendar_id=calendar_id, p_limit=2, **after
    ):
        found += [row["exception"]["exception_id"] for row in rows]
        after = {"p_after_day": TOMORROW.date(), "p_after_id": UUID(found[-1])}
    assert found == sorted(str(each) for each in added)
    missing = scheduling_db.rows(
        "list_exceptions", p_org_id=org_id, p_calendar_id=uuid4(), p_limit=2
    )
    assert await outcome_of(missing) == "CALENDAR_NOT_FOUND"


async def test_a_calendar_has_so_many_imports_and_no_more(scheduling_db: Database) -> None:
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


async def test_free_times_put_together_by_page_are_the_whole(scheduling_db: Database) -> None:
    org_id = uuid4()
    # More than are looked at first.
    rooms = [await a_calendar(scheduling_db, org_id, hours=OFFICE) for _ in range(18)]
    await book(scheduling_db, org_id, rooms[1], TOMORROW + 3 * HOUR)
    window: dict[str, Any] = {
        "p_org_id": org_id, "p_calendar_ids": rooms, "p_from": TOMORROW,
        "p_to": TOMORROW + timedelta(days=14), "p_now": NOW,
    }  # fmt: skip
    whole = [tuple(row.values()) for row in await scheduling_db.rows(
        "list_free_ranges", **window, p_limit=1000)]  # fmt: skip
    paged: list[tuple[Any, ...]] = []
    after: dict[str, Any] = {}
    while rows := await scheduling_db.rows("list_free_ranges", **window, p_limit=7, **after):
        paged += [tuple(row.values()) for row in rows]
        after = {"p_after_calendar_id": paged[-1][0], "p_after_start": paged[-1][1]}
    assert paged == whole == sorted(whole)
    assert len(whole) == 18 * 10 + 1
    missing = scheduling_db.rows("list_free_ranges", **{**window, "p_calendar_ids": [uuid4()]},
                                 p_limit=1)  # fmt: skip
    assert await outcome_of(missing) == "CALENDAR_NOT_FOUND"
