"""Booking: the scoreboard of ways to keep two apart, our own function and RPC, and availability.

Each way is given the same three loads of 1,000 attempts by 64 callers: one slot, free slots of one
calendar, overlapping ranges of mixed length. Counted are double bookings, rejections by locks,
deadlocks; timed is each attempt. Ours is measured directly on the function, and through gRPC with
two server processes.
"""

from datetime import datetime
from functools import partial
from typing import Final, TypeAlias
from uuid import UUID, uuid4

import asyncpg

from bench.availability import a_calendar, availability
from bench.booking_load import CALLERS, Load, Score, attempts, figures, loads, warm_up
from bench.booking_methods import METHODS, NAMES, OVERLAPS, TABLE
from bench.booking_servers import SERVERS, served
from bench.database import ServiceDatabases, databases, deadlocks, pool
from bench.figures import Figure
from bench.run import Run
from services.chassis.errors import DomainError

# A plain constraint deadlocks by the hundred, and each is looked for only after a second.
_SOON_FOUND: Final = {"deadlock_timeout": "50ms"}

Admin: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


async def measure(run: Run) -> list[Figure]:
    """The scoreboard, and availability of 200 calendars."""
    found: list[Figure] = []
    async with databases(run, "scheduling") as opened:
        login_url = await opened.login_url("scheduling")
        admin = await asyncpg.connect(opened.url)
        try:
            await admin.execute(TABLE + "".join(METHODS.values()))
            for load in loads(int(run.pick(1000, 100))):
                for method in METHODS:
                    run.report_progress(f"scheduling: {load.name}, {method}")
                    score = await _plain(opened, admin, method, load)
                    found += figures(f"{load.name}, {method}", score, ours=False)
                run.report_progress(f"scheduling: {load.name}, our function")
                score = await _by_function(login_url, admin, load)
                found += figures(f"{load.name}, our function", score, load.booked, ours=True)
                run.report_progress(f"scheduling: {load.name}, gRPC")
                score = await _by_rpc(run, login_url, admin, load)
                found += figures(
                    f"{load.name}, gRPC with {SERVERS} servers", score, load.booked, ours=True
                )
            run.report_progress("scheduling: availability of 200 calendars")
            async with pool("scheduling", login_url, connections=1) as service:
                found += await availability(service, admin, int(run.pick(500_000, 20_000)))
        finally:
            await admin.close()
    return found


async def _plain(opened: ServiceDatabases, admin: Admin, method: str, load: Load) -> Score:
    call = f"select book_{NAMES[method]}($1, $2, $3)"
    before = await deadlocks(admin)
    async with asyncpg.create_pool(
        opened.url, min_size=CALLERS, max_size=CALLERS, server_settings=_SOON_FOUND
    ) as plain:

        async def book(calendar: int, start: datetime, end: datetime) -> str:
            try:
                return str(await plain.fetchval(call, calendar, start, end))
            except asyncpg.DeadlockDetectedError:
                return "deadlock"

        await warm_up(partial(book, 2))
        await admin.execute("truncate plain_bookings, kept_bookings")
        outcomes, seconds = await attempts(load.ranges, partial(book, 1))
    double = 0
    for table in ("plain_bookings", "kept_bookings"):
        double += await admin.fetchval(OVERLAPS.format(table=table))
    return Score(
        outcomes=outcomes,
        double_bookings=double,
        deadlocks=await deadlocks(admin) - before,
        seconds=seconds,
    )


async def _by_function(login_url: str, admin: Admin, load: Load) -> Score:
    org_id, before = uuid4(), await deadlocks(admin)
    async with pool("scheduling", login_url, connections=CALLERS) as service:
        calendar_id, other_id = [await a_calendar(service, org_id, 0, 1440) for _ in range(2)]

        async def book(calendar: UUID, start: datetime, end: datetime) -> str:
            try:
                await service.value(
                    "book_appointment_with_lock",
                    p_org_id=org_id,
                    p_contact_id=uuid4(),
                    p_scheduled_at=start,
                    p_duration_minutes=int((end - start).total_seconds() / 60),
                    p_calendar_ids=[calendar],
                )
            except DomainError as refused:
                return refused.reason
            return "booked"

        await warm_up(partial(book, other_id))
        outcomes, seconds = await attempts(load.ranges, partial(book, calendar_id))
    return Score(
        outcomes=outcomes,
        double_bookings=await admin.fetchval(_DOUBLE, calendar_id),
        deadlocks=await deadlocks(admin) - before,
        seconds=seconds,
    )


async def _by_rpc(run: Run, login_url: str, admin: Admin, load: Load) -> Score:
    org_id, before = uuid4(), await deadlocks(admin)
    async with pool("scheduling", login_url, connections=1) as service:
        calendar_id, other_id = [await a_calendar(service, org_id, 0, 1440) for _ in range(2)]
    async with served(login_url, run.folder / org_id.hex, org_id) as tenant:
        await warm_up(partial(tenant.book, other_id))
        outcomes, seconds = await attempts(load.ranges, partial(tenant.book, calendar_id))
    return Score(
        outcomes=outcomes,
        double_bookings=await admin.fetchval(_DOUBLE, calendar_id),
        deadlocks=await deadlocks(admin) - before,
        seconds=seconds,
    )


_DOUBLE: Final = """
select count(*)
from scheduling.claims a
join scheduling.claims b
  on a.org_id = b.org_id and a.calendar_id = b.calendar_id and a.seat = b.seat
  and a.claim_id < b.claim_id and a.during && b.during
  and a.status in ('held', 'booked') and b.status in ('held', 'booked')
where a.calendar_id = $1
"""
