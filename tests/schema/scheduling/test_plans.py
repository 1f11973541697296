"""What the functions' own statements do with a million appointments, as the service's role."""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.chassis.database import Database
from tests.schema.plans import filling, plans_of, rows_looked_at
from tests.schema.scheduling.builders import NOW, Admin, a_calendar

TABLES = ("appointments", "claims")
APPOINTMENTS = 1_000_000
# Every twentieth is of the busy calendar.
CLAIMS = 50_000
WEEK = timedelta(days=7)
START = NOW + 4 * WEEK
# What a page of a hundred may look at.
ROWS_MAX = 5_000

FILL = """
insert into scheduling.appointments (org_id, appointment_id, contact_id, calendar_ids,
  scheduled_at, duration_minutes, local_time, zone, zone_data, status, created_at, updated_at,
  trace_id, traceparent)
select case when n % 10 = 0 then $2::uuid else $1::uuid end,
  lpad(to_hex(n), 32, '0')::uuid, lpad(to_hex(n % 50000), 32, '0')::uuid,
  array[case when n % 20 = 1 then $3::uuid else $4::uuid end],
  $5::timestamptz + make_interval(mins => n), 15, timestamp '2027-01-01', 'UTC', '',
  (array['confirmed', 'pending', 'completed', 'cancelled'])[1 + n / 20 % 4], now(), now(),
  repeat('a', 32), '00-' || repeat('a', 32) || '-' || repeat('b', 16) || '-00'
from generate_series(1, $6::int) n
"""
CLAIM = """
insert into scheduling.claims (org_id, claim_id, calendar_id, seat, during, status,
  appointment_id, starts_at, created_at, trace_id)
select a.org_id, a.appointment_id, $1, 1,
  tstzrange(a.scheduled_at, a.scheduled_at + interval '15 minutes'),
  case a.status when 'cancelled' then 'released' else 'booked' end,
  a.appointment_id, a.scheduled_at, now(), repeat('a', 32)
from scheduling.appointments a
where a.calendar_ids = array[$1::uuid]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Town:
    """An org with 900,000 appointments: 50,000 of a busy calendar, none of an empty one."""

    org_id: UUID
    busy: UUID
    empty: UUID


@pytest.fixture
async def town(scheduling_db: Database, admin: Admin) -> Town:
    """A million appointments, a tenth of them of another org."""
    org, elsewhere = uuid4(), uuid4()
    busy, empty, rest = [await a_calendar(scheduling_db, org, horizon_days=730) for _ in range(3)]
    async with filling(admin, "scheduling", *TABLES):
        await admin.execute(FILL, org, elsewhere, busy, rest, NOW, APPOINTMENTS)
        await admin.execute(CLAIM, busy)
    return Town(org_id=org, busy=busy, empty=empty)


LIST = "list_appointments($1, $2, $3, $4, $5, $6, 100)"
FEED = "list_feed_appointments($1, $2, $3, 100, $4)"
SPAN = (START, START + WEEK)


async def test_with_a_million_appointments_every_reader_finds_its_rows_by_index(
    admin: Admin, town: Town
) -> None:
    contact = UUID(int=4711)
    by_calendar = {"idx_claims_calendar", "appointments_pkey"}
    cases: list[tuple[str, tuple[Any, ...], set[str]]] = [
        (LIST, (None, None, "completed", *SPAN), {"idx_appointments_scheduling_lookup"}),
        (LIST, (None, None, "open", *SPAN), {"idx_appointments_time_range"}),
        (LIST, (None, contact, None, None, None), {"idx_appointments_contact"}),
        (LIST, (town.busy, None, None, *SPAN), by_calendar),
        (LIST, (town.busy, None, None, None, None), by_calendar),
        (LIST, (town.empty, None, None, None, None), by_calendar),
        (FEED, (town.busy, NOW, START), by_calendar),
        (FEED, (town.empty, NOW, START), by_calendar),
        (
            "list_slots($1, array[$2::uuid], $3, $4, 15, false, 100, p_now => $5)",
            (town.busy, *SPAN, NOW),
            {"claims_never_overlap"},
        ),
        (
            "list_free_ranges($1, array[$2::uuid], $3, $4, 100, p_now => $5)",
            (town.busy, *SPAN, NOW),
            {"claims_never_overlap"},
        ),
        (
            "book_appointment_with_lock($1, $2, $3, 15, p_calendar_ids => array[$4::uuid],"
            " p_now => $5)",
            (contact, START, town.empty, NOW),
            {"claims_never_overlap"},
        ),
    ]
    for call, arguments, indexes in cases:
        plans = await plans_of(admin, "scheduling", TABLES, call, town.org_id, *arguments)
        report = f"{call} of {arguments}:\n" + "\n".join(plans)
        used = {index for index in indexes if any(index in plan for plan in plans)}
        assert used == indexes, report
        assert not re.search(r"Seq Scan on (appointments|claims)", report), report
        assert rows_looked_at(plans, TABLES) < ROWS_MAX, report


async def test_behind_the_policy_a_range_does_not_reach_its_index(admin: Admin, town: Town) -> None:
    # Why searches by range are their definer's: the same statement as the one role and the other.
    searched = (
        f"explain select seat, during from scheduling.claims k where k.org_id = '{town.org_id}'"
        f" and k.calendar_id = '{town.busy}' and k.status in ('held', 'booked')"
        f" and k.deleted_at is null and k.during && tstzrange('{START}', '{START + WEEK}')"
    )
    conditions = {}
    for role in ("waybill_scheduling_system", "waybill_scheduling"):
        async with admin.transaction():
            await admin.execute(f"set local role {role}")
            await admin.execute("select scheduling.set_tenant(array[$1]::uuid[])", town.org_id)
            plan = [row[0] for row in await admin.fetch(searched)]
        conditions[role] = "".join(line for line in plan if "Index Cond" in line)
    assert "during &&" in conditions["waybill_scheduling_system"]
    assert "during &&" not in conditions["waybill_scheduling"]
