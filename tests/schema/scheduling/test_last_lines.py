"""Keys, the exclusion constraint and leases hold whatever the functions do."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from services.chassis.database import Database
from tests.schema.scheduling.bookings import book, hold
from tests.schema.scheduling.builders import NOW, Admin, a_calendar, an_import, holidays, later

TOMORROW = NOW + timedelta(days=1)
# A second row beside one that is there: another id, where it has one, the rest the same.
SECOND = """
insert into scheduling.{table}
select (jsonb_populate_record(t, {other})).*
from scheduling.{table} t
limit 1"""


@pytest.fixture
async def calendar(scheduling_db: Database) -> tuple[UUID, UUID]:
    """An org and its calendar, with a row in every table that is checked."""
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    await holidays(scheduling_db, org_id, "DE", date(2027, 12, 25))
    await book(scheduling_db, org_id, calendar_id, TOMORROW)
    await hold(scheduling_db, org_id, calendar_id, TOMORROW + timedelta(hours=2))
    await an_import(scheduling_db, org_id, calendar_id, TOMORROW + timedelta(hours=5))
    return org_id, calendar_id


@pytest.mark.usefixtures("calendar")
@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("audit_logs", "audit_id"),
        ("calendar_hours", None),
        ("holidays", None),
        ("holiday_sets", "holiday_set_id"),
        ("external_busy", None),
    ],
)
async def test_there_is_no_second_one(admin: Admin, table: str, key: str | None) -> None:
    other = f"jsonb_build_object('{key}', gen_random_uuid())" if key else "'{}'"
    with pytest.raises(asyncpg.UniqueViolationError):
        await admin.execute(SECOND.format(table=table, other=other))


@pytest.mark.usefixtures("calendar")
@pytest.mark.parametrize("status", ["booked", "held"])
async def test_two_live_claims_of_a_seat_never_overlap(admin: Admin, status: str) -> None:
    with pytest.raises(asyncpg.ExclusionViolationError):
        await admin.execute(
            "insert into scheduling.claims select (jsonb_populate_record(k,"
            " jsonb_build_object('claim_id', gen_random_uuid()))).*"
            " from scheduling.claims k where status = $1",
            status,
        )


@pytest.mark.parametrize(("is_holder", "minutes"), [(False, 15.5), (True, 16)])
async def test_an_importer_that_lost_its_lease_changes_nothing(
    scheduling_db: Database,
    admin: Admin,
    calendar: tuple[UUID, UUID],
    is_holder: bool,
    minutes: float,
) -> None:
    holder = uuid4()
    (due,) = await scheduling_db.rows(
        "claim_imports", p_token=holder, p_limit=10, p_lease_seconds=60.0, p_now=later(15)
    )
    before = await admin.fetch("select * from scheduling.imports")
    arguments: dict[str, Any] = {
        "p_org_id": calendar[0], "p_import_id": due["import_id"],
        "p_token": holder if is_holder else uuid4(), "p_starts": [], "p_ends": [],
        "p_etag": "", "p_last_modified": "", "p_content_hash": "", "p_error": None,
    }  # fmt: skip
    finished = await scheduling_db.value("finish_import", **arguments, p_now=later(minutes))
    assert finished is False
    assert await admin.fetch("select * from scheduling.imports") == before
    assert await admin.fetchval("select count(*) from scheduling.external_busy") == 1
