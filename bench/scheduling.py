"""Booking: the scoreboard of ways to keep two apart, our own function, and availability.

Each way is given the same three loads of 1,000 attempts by 64 callers: one slot, free slots of one
calendar, overlapping ranges of mixed length. Counted are double bookings, rejections by locks,
deadlocks; timed is each attempt.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

import asyncpg

from bench.booking_methods import METHODS, NAMES, OVERLAPS, TABLE
from bench.database import databases
from bench.figures import Figure, Target
from bench.latencies import Percentiles
from bench.run import Run
from services.chassis.database import Database
from services.chassis.errors import DomainError
from services.chassis.ids import new_id
from services.chassis.trace import new_root

CALLERS: Final = 64
_START: Final = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=2)
_REJECTED: Final = ("rejected", "lock timeout", "SLOT_BUSY")
_OURS: Final = "book_appointment_with_lock"

Range = tuple[datetime, datetime]
Book = Callable[[datetime, datetime], Awaitable[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What a load came to."""

    outcomes: Counter[str]
    double_bookings: int
    seconds: list[float]

    @property
    def rejected(self) -> int:
        """Attempts that a lock turned away, whether or not the slot was free."""
        return sum(self.outcomes[each] for each in _REJECTED)


async def measure(run: Run) -> list[Figure]:
    """The scoreboard, and availability of 200 calendars."""
    count = int(run.pick(1000, 100))
    figures: list[Figure] = []
    async with databases(run, "scheduling") as opened:
        service = await opened.open("scheduling", connections=CALLERS)
        pool = await asyncpg.create_pool(opened.url, min_size=1, max_size=CALLERS)
        await pool.execute(TABLE + "".join(METHODS.values()))
        for load, ranges in _loads(count).items():
            for method in METHODS:
                run.tell(f"scheduling: {load}, {method}")
                score = await _plain(pool, method, ranges)
                figures += _figures(f"{load}, {method}", score, count)
            run.tell(f"scheduling: {load}, {_OURS}")
            score = await _ours(service, pool, ranges)
            figures += _figures(f"{load}, {_OURS}", score, count, ours=True)
        await pool.close()
        run.tell("scheduling: availability of 200 calendars")
        figures += await _availability(service)
    return figures


def _loads(count: int) -> dict[str, list[Range]]:
    rng, quarter = random.Random(1), timedelta(minutes=15)
    free = [(_START + place * quarter, _START + (place + 1) * quarter) for place in range(count)]
    rng.shuffle(free)
    mixed = []
    for _ in range(count):
        start = _START + rng.randrange(96) * quarter
        mixed.append((start, start + rng.choice([1, 2, 3, 6, 16]) * quarter))
    return {
        f"{count} attempts on one slot": [(_START, _START + 4 * quarter)] * count,
        f"{count} free slots of one calendar": free,
        f"{count} overlapping ranges": mixed,
    }


async def _attempts(ranges: Sequence[Range], book: Book) -> tuple[Counter[str], list[float]]:
    waiting, outcomes, seconds = iter(ranges), Counter[str](), list[float]()

    async def caller() -> None:
        for start, end in waiting:
            began = time.perf_counter()
            outcomes[await book(start, end)] += 1
            seconds.append(time.perf_counter() - began)

    async with asyncio.TaskGroup() as callers:
        for _ in range(CALLERS):
            callers.create_task(caller())
    return outcomes, seconds


async def _plain(
    pool: "asyncpg.Pool[asyncpg.Record]", method: str, ranges: Sequence[Range]
) -> Score:
    await pool.execute("truncate plain_bookings, kept_bookings")
    call = f"select book_{NAMES[method]}(1, $1, $2)"

    async def book(start: datetime, end: datetime) -> str:
        try:
            return str(await pool.fetchval(call, start, end))
        except asyncpg.DeadlockDetectedError:
            return "deadlock"

    outcomes, seconds = await _attempts(ranges, book)
    double = 0
    for table in ("plain_bookings", "kept_bookings"):
        double += await pool.fetchval(OVERLAPS.format(table=table))
    return Score(outcomes=outcomes, double_bookings=double, seconds=seconds)


async def _ours(
    service: Database, pool: "asyncpg.Pool[asyncpg.Record]", ranges: Sequence[Range]
) -> Score:
    org_id = uuid4()
    calendar_id = await _calendar(service, org_id, 0, 1440)

    async def book(start: datetime, end: datetime) -> str:
        try:
            await service.value(
                _OURS,
                p_org_id=org_id,
                p_contact_id=uuid4(),
                p_scheduled_at=start,
                p_duration_minutes=int((end - start).total_seconds() / 60),
                p_calendar_ids=[calendar_id],
            )
        except DomainError as refused:
            return refused.reason
        return "booked"

    before = await pool.fetchval("select deadlocks from pg_stat_database where datname = 'bench'")
    outcomes, seconds = await _attempts(ranges, book)
    after = await pool.fetchval("select deadlocks from pg_stat_database where datname = 'bench'")
    outcomes["deadlock"] += after - before
    double = await pool.fetchval(
        """select count(*) from scheduling.claims a join scheduling.claims b
             on a.calendar_id = b.calendar_id and a.seat = b.seat and a.claim_id < b.claim_id
             and a.during && b.during and a.status = 'booked' and b.status = 'booked'
           where a.calendar_id = $1""",
        calendar_id,
    )
    return Score(outcomes=outcomes, double_bookings=double, seconds=seconds)


def _figures(what: str, score: Score, count: int, *, ours: bool = False) -> list[Figure]:
    none = Target(value=0, at_most=True) if ours else None
    few = Target(value=count * 0.01, at_most=True) if ours else None
    average = sum(score.seconds) / len(score.seconds) * 1000
    spread = Percentiles.of_seconds(score.seconds)
    booked = f"{score.outcomes['booked']} booked"
    return [
        Figure(
            what=f"{what}: double bookings",
            value=score.double_bookings,
            unit="",
            target=none,
            beside=booked,
        ),
        Figure(what=f"{what}: rejected by locks", value=score.rejected, unit="", target=few),
        Figure(what=f"{what}: deadlocks", value=score.outcomes["deadlock"], unit="", target=none),
        Figure(
            what=f"{what}: average",
            value=average,
            unit="ms",
            target=Target(value=200, at_most=True) if ours else None,
        ),
        Figure(what=f"{what}: p50", value=spread.p50, unit="ms"),
        Figure(what=f"{what}: p99", value=spread.p99, unit="ms"),
    ]


async def _calendar(service: Database, org_id: UUID, start_minute: int, end_minute: int) -> UUID:
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


async def _availability(service: Database) -> list[Figure]:
    """200 calendars over 30 days with ten bookings each: all free times, and a page of slots."""
    org_id = uuid4()
    calendar_ids = [await _calendar(service, org_id, 9 * 60, 17 * 60) for _ in range(200)]
    for calendar_id in calendar_ids:
        for day in range(10):
            at = _START.replace(hour=10) + timedelta(days=day)
            await service.value(
                _OURS,
                p_org_id=org_id,
                p_contact_id=uuid4(),
                p_scheduled_at=at,
                p_duration_minutes=60,
                p_calendar_ids=[calendar_id],
            )
    window = {"p_from": _START, "p_to": _START + timedelta(days=30)}

    async def free() -> None:
        await service.rows(
            "list_free_ranges",
            p_org_id=org_id,
            p_calendar_ids=calendar_ids,
            **window,
            p_limit=100_000,
        )

    async def slots() -> None:
        await service.rows(
            "list_slots",
            p_org_id=org_id,
            p_calendar_ids=calendar_ids,
            p_duration_minutes=60,
            p_together=False,
            p_limit=501,
            **window,
        )

    what = "availability of 200 calendars for 30 days"
    return [
        Figure(
            what=f"{what}, free times, one call: p50",
            value=await _typical_ms(free),
            unit="ms",
            target=Target(value=150, at_most=True),
        ),
        Figure(
            what=f"{what}, a page of 500 slots: p50",
            value=await _typical_ms(slots),
            unit="ms",
            target=Target(value=150, at_most=True),
        ),
    ]


async def _typical_ms(call: Callable[[], Awaitable[None]]) -> float:
    seconds = []
    for _ in range(20):
        began = time.perf_counter()
        await call()
        seconds.append(time.perf_counter() - began)
    return Percentiles.of_seconds(seconds).p50
