"""Availability of 200 calendars for 30 days: how long a call takes, and by which indexes."""

import re
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg

from bench.booking_load import START
from bench.figures import Figure, Target
from bench.latencies import Percentiles
from services.chassis.database import Database
from services.chassis.ids import new_id
from services.chassis.trace import new_root

_CALENDARS: Final = 200
_WHAT: Final = f"availability of {_CALENDARS} calendars for 30 days"
_SOON: Final = Target(value=150, at_most=True)
# Tables that grow with bookings and imports; of the others the planner may well read all.
_GROWING: Final = ("claims", "appointments", "external_busy", "calendar_exceptions")
# What others have: with tables as small as one tenant's a plan says nothing.
_OTHERS: Final = """
with busy as (
  insert into scheduling.external_busy (org_id, import_id, calendar_id, during)
  select $1, gen_random_uuid(), gen_random_uuid(),
    tstzrange($2::timestamptz + make_interval(mins => n % 40000),
      $2::timestamptz + make_interval(mins => n % 40000 + 30))
  from generate_series(1, $3::int) n
), exception as (
  insert into scheduling.calendar_exceptions (org_id, exception_id, calendar_id, day, kind,
    start_minute, end_minute, created_at, trace_id)
  select $1, gen_random_uuid(), gen_random_uuid(), $2::timestamptz::date + n % 90, 'closed', 0,
    1440, now(), repeat('a', 32)
  from generate_series(1, $3::int / 10) n
)
insert into scheduling.claims (org_id, claim_id, calendar_id, seat, during, status,
  appointment_id, created_at, trace_id)
select $1, gen_random_uuid(), gen_random_uuid(), 1,
  tstzrange($2::timestamptz + make_interval(mins => n % 40000),
    $2::timestamptz + make_interval(mins => n % 40000 + 30)),
  'booked', gen_random_uuid(), now(), repeat('a', 32)
from generate_series(1, $3::int) n
"""


async def a_calendar(service: Database, org_id: UUID, start_minute: int, end_minute: int) -> UUID:
    """A new calendar that is open every day."""
    calendar_id = new_id()
    await service.value(
        "create_calendar",
        p_org_id=org_id,
        p_calendar_id=calendar_id,
        p_settings={
            "name": "bench", "kind": "room", "zone": "Europe/Berlin", "capacity": 1,
            "buffer_before_minutes": 0, "buffer_after_minutes": 0, "notice_minutes": 0,
            "horizon_days": 365, "slot_minutes": 15, "holiday_set": "",
        },
        p_hours=[
            {"weekday": day, "start_minute": start_minute, "end_minute": end_minute}
            for day in range(1, 8)
        ],
        p_feed_secret_hash=b"",
        p_request_id=None,
        p_request_hash=None,
        p_traceparent=new_root().traceparent,
    )  # fmt: skip
    return calendar_id


async def availability(
    service: Database, admin: "asyncpg.Connection[asyncpg.Record]", others: int
) -> list[Figure]:
    """Ten bookings on each calendar, `others` of other tenants: free times, and a page of slots."""
    org_id = uuid4()
    calendar_ids = [await a_calendar(service, org_id, 9 * 60, 17 * 60) for _ in range(_CALENDARS)]
    for calendar_id in calendar_ids:
        for day in range(10):
            await service.value(
                "book_appointment_with_lock",
                p_org_id=org_id,
                p_contact_id=uuid4(),
                p_scheduled_at=START.replace(hour=10) + timedelta(days=day),
                p_duration_minutes=60,
                p_calendar_ids=[calendar_id],
            )
    await admin.execute("set session_replication_role = replica")
    await admin.execute(_OTHERS, uuid4(), START, others)
    await admin.execute("set session_replication_role = origin")
    await admin.execute("vacuum analyze")
    calls: dict[str, tuple[str, dict[str, Any]]] = {
        "free times, one call": ("list_free_ranges", {"p_limit": 100_000}),
        "a page of 500 slots": (
            "list_slots", {"p_duration_minutes": 60, "p_together": False, "p_limit": 501},
        ),
    }  # fmt: skip
    figures = []
    for name, (function, more) in calls.items():
        arguments = {
            "p_org_id": org_id,
            "p_calendar_ids": calendar_ids,
            "p_from": START,
            "p_to": START + timedelta(days=30),
            **more,
        }

        async def call(function: str = function, arguments: dict[str, Any] = arguments) -> None:
            await service.rows(function, **arguments)

        spread = await _spread(call)
        plans = await _plans(admin, function, arguments)
        figures += [
            Figure(what=f"{_WHAT}, {name}: p50", value=spread.p50, unit="ms", target=_SOON),
            Figure(what=f"{_WHAT}, {name}: p99", value=spread.p99, unit="ms"),
            Figure(
                what=f"{_WHAT}, {name}: tables read whole, of those that grow",
                value=len(_read_whole(plans)),
                unit="",
                target=Target(value=0, at_most=True),
                beside="as the service's role: " + ", ".join(_indexes(plans)),
            ),
        ]
    return figures


async def _spread(call: Callable[[], Awaitable[None]]) -> Percentiles:
    seconds = []
    for _ in range(20):
        began = time.perf_counter()
        await call()
        seconds.append(time.perf_counter() - began)
    return Percentiles.of_seconds(seconds)


async def _plans(
    admin: "asyncpg.Connection[asyncpg.Record]", function: str, arguments: dict[str, Any]
) -> Sequence[str]:
    """The plans of every statement that a function runs, as the service's role."""
    messages: list[str] = []

    def collect(_: object, message: asyncpg.PostgresLogMessage) -> None:
        messages.append(str(message))

    names = ", ".join(f"{name} => ${at}" for at, name in enumerate(arguments, start=1))
    admin.add_log_listener(collect)
    try:
        async with admin.transaction():
            await admin.execute(_EXPLAINED)
            await admin.fetch(f"select * from scheduling.{function}({names})", *arguments.values())
    finally:
        admin.remove_log_listener(collect)
    return [text for text in messages if "Query Text" in text]


# Only a superuser may load it; from there on the session is the service.
_EXPLAINED: Final = """
load 'auto_explain';
set local auto_explain.log_min_duration = 0;
set local auto_explain.log_nested_statements = on;
set local auto_explain.log_level = notice;
set local role waybill_scheduling;
"""


def _read_whole(plans: Sequence[str]) -> list[str]:
    """Tables that grow and that a plan reads from one end to the other."""
    found = {table for plan in plans for table in re.findall(r"Seq Scan on (\w+)", plan)}
    return sorted(found & set(_GROWING))


def _indexes(plans: Sequence[str]) -> list[str]:
    named = re.compile(r"(?:Index (?:Only )?Scan (?:Backward )?using|Bitmap Index Scan on) (\w+)")
    found = {index for plan in plans for index in named.findall(plan)}
    return sorted(index for index in found if not index.startswith("pg_"))
