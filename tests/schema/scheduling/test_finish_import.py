"""finish_import: only the holder of the lease saves what it read."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest

from services.chassis.database import Database
from tests.schema.scheduling.bookings import book, refusal_of
from tests.schema.scheduling.builders import NOW, Admin, a_calendar, an_import, starts

TOMORROW = NOW + timedelta(days=1)
DUE = NOW + timedelta(minutes=15)
LEASE = timedelta(seconds=60)
NEXT_BUSY = TOMORROW + timedelta(hours=5)
HOUR = timedelta(hours=1)


async def claim(db: Database, token: UUID, now: datetime = DUE) -> int:
    """How many imports were due and are now the token's."""
    seconds = LEASE.total_seconds()
    rows = await db.rows(
        "claim_imports", p_token=token, p_limit=10, p_lease_seconds=seconds, p_now=now
    )
    return len(rows)


async def finish(db: Database, org_id: UUID, import_id: UUID, token: UUID, now: datetime) -> bool:
    """Whether what was read, busy for an hour at another time, is taken over."""
    finished: bool = await db.value(
        "finish_import",
        p_org_id=org_id,
        p_import_id=import_id,
        p_token=token,
        p_starts=[NEXT_BUSY],
        p_ends=[NEXT_BUSY + timedelta(hours=1)],
        p_etag="",
        p_last_modified="",
        p_content_hash="",
        p_error=None,
        p_now=now,
    )
    return finished


async def everything(admin: Admin) -> list[object]:
    """What there is of imports."""
    return [
        *await admin.fetch("table scheduling.imports"),
        *await admin.fetch("table scheduling.external_busy"),
    ]


@pytest.mark.parametrize("taken_over", [False, True], ids=["ended", "taken over"])
async def test_an_importer_that_stalled_past_its_lease_changes_nothing(
    taken_over: bool, scheduling_db: Database, admin: Admin
) -> None:
    org_id, stalled, busy = uuid4(), uuid4(), uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    import_id = await an_import(scheduling_db, org_id, calendar_id, TOMORROW)
    assert await claim(scheduling_db, stalled) == 1
    late = DUE + LEASE
    if taken_over:
        assert await claim(scheduling_db, busy, late) == 1
    before = await everything(admin)
    assert not await finish(scheduling_db, org_id, import_id, stalled, late)
    assert await everything(admin) == before


async def test_the_holder_of_the_lease_saves_what_it_read(
    scheduling_db: Database, admin: Admin
) -> None:
    org_id, token = uuid4(), uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    import_id = await an_import(scheduling_db, org_id, calendar_id, TOMORROW)
    assert await claim(scheduling_db, token) == 1
    in_time = DUE + LEASE - timedelta(seconds=1)
    assert await finish(scheduling_db, org_id, import_id, token, in_time)
    starts = "select lower(during) from scheduling.external_busy"
    assert [row[0] for row in await admin.fetch(starts)] == [NEXT_BUSY]
    assert not await finish(scheduling_db, org_id, import_id, token, in_time)


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
