"""What the plans use with a million appointments, as the service's role behind its policies."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from services.chassis.database import Database
from tests.schema.scheduling.builders import NOW, Admin, a_calendar, book, outcome_of, starts

APPOINTMENTS = 1_000_000
CLAIMS = 50_000
WEEK = timedelta(days=7)

FILL = """
insert into scheduling.appointments (org_id, appointment_id, contact_id, calendar_ids,
  scheduled_at, duration_minutes, local_time, zone, zone_data, status, created_at, updated_at,
  trace_id, traceparent)
select case when n % 10 = 0 then $1::uuid else $2::uuid end,
  lpad(to_hex(n), 32, '0')::uuid, $3, array[$4::uuid],
  $5::timestamptz + make_interval(mins => n), 30, timestamp '2027-01-01', 'UTC', '',
  (array['confirmed', 'pending', 'completed', 'cancelled'])[1 + n % 4], now(), now(),
  repeat('a', 32), '00-' || repeat('a', 32) || '-' || repeat('b', 16) || '-00'
from generate_series(1, $6::int) n
"""
CLAIM = """
insert into scheduling.claims (org_id, claim_id, calendar_id, seat, during, status,
  appointment_id, created_at, trace_id)
select $1, gen_random_uuid(), $2, 1,
  tstzrange($3::timestamptz + make_interval(mins => 30 * n),
    $3::timestamptz + make_interval(mins => 30 * n + 15)),
  'booked', gen_random_uuid(), now(), repeat('a', 32)
from generate_series(1, $4::int) n
"""


@pytest.fixture
async def org_id(scheduling_db: Database, admin: Admin) -> UUID:
    """An org with a tenth of a million appointments, beside one with the rest."""
    org = uuid4()
    calendar_id = await a_calendar(scheduling_db, org, horizon_days=730)
    indexes = await admin.fetch(
        "select indexname as name, indexdef as text from pg_indexes"
        " where schemaname = 'scheduling' and indexname ~ '^idx_appointments_'"
    )
    async with admin.transaction():
        # Built afterwards, as they are defined, they take a tenth of the time.
        for index in indexes:
            await admin.execute(f"drop index scheduling.{index['name']}")
        # Without triggers: it is the reading that is looked at.
        await admin.execute("set local session_replication_role = replica")
        await admin.execute(FILL, org, uuid4(), uuid4(), calendar_id, NOW, APPOINTMENTS)
        await admin.execute(CLAIM, org, calendar_id, NOW, CLAIMS)
        for index in indexes:
            await admin.execute(index["text"])
    await admin.execute("analyze scheduling.appointments")
    await admin.execute("analyze scheduling.claims")
    return org


async def plan(admin: Admin, role: str, org_id: UUID, query: str) -> str:
    """How a statement of that role, which entered the org, would be run."""
    async with admin.transaction():
        await admin.execute(f"set local role {role}")
        await admin.execute("select scheduling.enter(array[$1]::uuid[])", org_id)
        rows = await admin.fetch(f"explain {query}")
    return "\n".join(row[0] for row in rows)


async def test_a_million_appointments_are_found_by_index(
    scheduling_db: Database, admin: Admin, org_id: UUID
) -> None:
    start, end = NOW + WEEK, NOW + 2 * WEEK
    range_ = f"scheduled_at >= '{start}' and scheduled_at < '{end}'"
    listed = await plan(
        admin, "waybill_scheduling", org_id,
        f"select * from scheduling.appointments where org_id = '{org_id}' and deleted_at is null"
        f" and status = 'completed' and {range_} order by scheduled_at, appointment_id limit 50",
    )  # fmt: skip
    assert "idx_appointments_scheduling_lookup" in listed
    assert "Seq Scan" not in listed
    ranged = await plan(
        admin, "waybill_scheduling", org_id,
        "select scheduled_at, duration_minutes from scheduling.appointments"
        f" where org_id = '{org_id}' and deleted_at is null"
        f" and status in ('confirmed', 'pending') and {range_}",
    )  # fmt: skip
    assert "idx_appointments_time_range" in ranged
    assert "Seq Scan" not in ranged
    # What booking and listing look at are claims: as the system role, by the constraint's index.
    searched = (
        f"select seat, during from scheduling.claims k where k.org_id = '{org_id}'"
        " and k.calendar_id = (select calendar_id from scheduling.calendars limit 1)"
        " and k.status in ('held', 'booked') and k.deleted_at is null"
        f" and k.during && tstzrange('{start}', '{end}')"
    )
    claimed = await plan(admin, "waybill_scheduling_system", org_id, searched)
    assert "claims_never_overlap" in claimed
    assert "during &&" in claimed.split("Index Cond", 1)[1].split("\n", 1)[0]
    # Behind the policy the range does not reach the index: why those searches are definer's.
    behind = await plan(admin, "waybill_scheduling", org_id, searched)
    conditions = [line for line in behind.splitlines() if "Index Cond" in line]
    assert not any("during &&" in line for line in conditions)
    # And the functions still answer right.
    calendar_id = await admin.fetchval("select calendar_id from scheduling.calendars")
    found = await starts(scheduling_db, org_id, calendar_id, start, start + WEEK / 7, minutes=15)
    assert len(found) == 48
    assert await outcome_of(book(scheduling_db, org_id, calendar_id, found[0], 15)) == "booked"
