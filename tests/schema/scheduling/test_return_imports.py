"""return_imports: only the holder of the lease returns imports."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest

from services.chassis.database import Database
from tests.schema.scheduling.builders import NOW, Admin, a_calendar, an_import

TOMORROW = NOW + timedelta(days=1)
DUE = NOW + timedelta(minutes=15)
LEASE = timedelta(seconds=60)
NEXT_BUSY = TOMORROW + timedelta(hours=5)


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


async def return_imports(
    db: Database, org_id: UUID, import_ids: list[UUID], token: UUID, now: datetime
) -> int:
    """How many imports are given back."""
    returned: int = await db.value(
        "return_imports",
        p_org_ids=[org_id] * len(import_ids),
        p_import_ids=import_ids,
        p_token=token,
        p_now=now,
    )
    return returned


async def test_a_returned_import_is_due_at_once_as_if_it_had_not_been_claimed(
    scheduling_db: Database, admin: Admin
) -> None:
    org_id, token, next_token = uuid4(), uuid4(), uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    read, returned = [
        await an_import(scheduling_db, org_id, calendar_id, TOMORROW) for _ in range(2)
    ]
    assert await claim(scheduling_db, token) == 2
    assert await finish(scheduling_db, org_id, read, token, DUE)
    now = DUE + timedelta(seconds=1)
    assert await return_imports(scheduling_db, org_id, [read, returned], token, now) == 1
    row = await admin.fetchrow(
        "select due_at, failure_count, last_error, claim_token from scheduling.imports"
        " where import_id = $1",
        returned,
    )
    assert row is not None
    assert tuple(row) == (now, 0, None, None)
    assert await claim(scheduling_db, next_token, now) == 1


@pytest.mark.parametrize("taken_over", [False, True], ids=["ended", "taken over"])
async def test_an_importer_that_stalled_past_its_lease_returns_nothing(
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
    assert await return_imports(scheduling_db, org_id, [import_id], stalled, late) == 0
    assert await everything(admin) == before
