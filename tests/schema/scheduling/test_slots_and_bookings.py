"""Properties of list_slots and of booking together, over generated calendars."""

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid4

import asyncpg
import hypothesis.strategies as st
from hypothesis import HealthCheck, given, settings

from services.chassis.database import Database, pooled
from tests.conftest import config_for, with_login
from tests.sampling import examples
from tests.schema.scheduling.bookings import book, outcome_of
from tests.schema.scheduling.builders import (
    NOW,
    Admin,
    a_calendar,
    add_exception,
    an_import,
    holidays,
    starts,
)

Answer = TypeVar("Answer")
DAY = timedelta(days=1)


class World:
    """A loop and a database that examples of Hypothesis share."""

    def __init__(self, url: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._stack = AsyncExitStack()
        opened = pooled("scheduling", config_for(with_login(url, "waybill_scheduling")))
        self.db = self.run(self._stack.enter_async_context(opened))
        self.admin: Admin = self.run(asyncpg.connect(url))

    def run(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        return self._loop.run_until_complete(work)

    def close(self) -> None:
        self.run(self.admin.close())
        self.run(self._stack.aclose())
        self._loop.close()


# An ordinary Monday, and Saturdays before clocks change in New York, twice, and in Berlin.
EVES = [
    NOW,
    datetime(2027, 3, 13, 20, tzinfo=UTC),
    datetime(2027, 11, 6, 20, tzinfo=UTC),
    datetime(2027, 10, 30, 16, tzinfo=UTC),
]


calendars = st.fixed_dictionaries(
    {
        "capacity": st.integers(1, 2),
        # With a horizon of a day its edge lies within what is searched.
        "horizon_days": st.sampled_from([1, 365]),
        "holiday_set": st.sampled_from(["", "HERE"]),
        "slot_minutes": st.sampled_from([15, 20, 30, 60]),
        "buffer_before_minutes": st.sampled_from([0, 10]),
        "buffer_after_minutes": st.sampled_from([0, 15]),
        "notice_minutes": st.sampled_from([0, 90]),
        "zone": st.sampled_from(["UTC", "America/New_York", "Europe/Berlin", "Asia/Kathmandu"]),
    }
)


hours_of_days = st.lists(
    st.tuples(st.integers(1, 7), st.integers(0, 90), st.integers(1, 60)), min_size=3, max_size=7,
    unique_by=lambda each: each[:2],
)  # fmt: skip


# Which day is a holiday, and hours of which days an exception opens or closes, from today on.
closures = st.fixed_dictionaries(
    {
        "holiday": st.integers(0, 1),
        "exceptions": st.lists(
            st.tuples(
                st.integers(0, 1), st.sampled_from(["open", "closed"]),
                st.integers(0, 90), st.integers(1, 40),
            ),
            max_size=2,
        ),
        "busy_hour": st.none() | st.integers(0, 23),
    }
)  # fmt: skip


bookings = st.lists(st.tuples(st.integers(0, 96), st.sampled_from([15, 60])), max_size=8)


def as_hours(drawn: list[tuple[int, int, int]]) -> list[dict[str, int]]:
    return [
        {"weekday": day, "start_minute": 15 * start, "end_minute": 15 * (start + length)}
        for day, start, length in drawn
    ]


async def close(
    db: Database, org_id: UUID, calendar_id: UUID, closed: dict[str, Any], now: datetime
) -> None:
    """Opens and closes besides the weekly hours."""
    today = now.date()
    await holidays(db, org_id, "HERE", today + timedelta(days=closed["holiday"]))
    for day, kind, start, length in closed["exceptions"]:
        await add_exception(
            db, org_id, calendar_id, today + timedelta(days=day), kind,
            15 * start, 15 * (start + length),
        )  # fmt: skip
    if closed["busy_hour"] is not None:
        await an_import(db, org_id, calendar_id, now + timedelta(hours=closed["busy_hour"]))


async def listed_and_bookable(
    db: Database, admin: Admin, calendar: dict[str, Any], hours: Any, taken: Any,
    closed: dict[str, Any], minutes: int, now: datetime,
) -> tuple[list[datetime], list[datetime]]:  # fmt: skip
    """The starts that are listed, and those at which a lone caller's booking went through."""
    org_id = uuid4()
    calendar_id = await a_calendar(db, org_id, hours=as_hours(hours), **calendar)
    await close(db, org_id, calendar_id, closed, now)
    for place, length in taken:
        await outcome_of(
            book(db, org_id, calendar_id, now + timedelta(minutes=15 * place), length, now=now)
        )
    end = now + timedelta(hours=26)
    listed = await starts(db, org_id, calendar_id, now, end, minutes=minutes, now=now)
    bookable = []
    # One at a time: each booking is rolled back before the next one.
    for place in range(26 * 12):
        at = now + timedelta(minutes=5 * place)
        booking = admin.transaction()
        await booking.start()
        try:
            await admin.execute(
                "select scheduling.book_appointment_with_lock($1, $2, $3, $6,"
                " p_calendar_ids => $4, p_now => $5)",
                *(org_id, uuid4(), at, [calendar_id], now, minutes),
            )
            bookable.append(at)
        except asyncpg.PostgresError as refused:
            if refused.sqlstate not in ("WB080", "WB082"):
                raise
        finally:
            await booking.rollback()
    return listed, bookable


def test_every_listed_slot_can_be_booked_and_every_other_is_refused(database_url: str) -> None:
    world, seen = World(database_url), list[bool]()

    @settings(
        max_examples=examples(14),
        deadline=None,
        suppress_health_check=list(HealthCheck),
        derandomize=True,
    )
    @given(
        calendar=calendars, hours=hours_of_days, taken=bookings, closed=closures,
        minutes=st.sampled_from([15, 30, 90]), now=st.sampled_from(EVES),
    )  # fmt: skip
    def holds(
        calendar: dict[str, Any], hours: Any, taken: Any, closed: dict[str, Any], minutes: int,
        now: datetime,
    ) -> None:  # fmt: skip
        listed, bookable = world.run(
            listed_and_bookable(world.db, world.admin, calendar, hours, taken, closed, minutes, now)
        )
        assert listed == bookable
        seen.append(bool(listed))

    try:
        holds()
        # Many of them had something to book.
        assert sum(seen) > len(seen) / 3
    finally:
        world.close()


async def listed_from(
    db: Database, calendar: dict[str, Any], hours: Any, taken: Any, now: datetime
) -> list[timedelta]:
    """The starts that are listed, as distances from now."""
    org_id = uuid4()
    calendar_id = await a_calendar(db, org_id, hours=as_hours(hours), **calendar)
    for place, minutes in taken:
        await outcome_of(
            book(db, org_id, calendar_id, now + timedelta(minutes=15 * place), minutes, now=now)
        )
    found = await starts(db, org_id, calendar_id, now, now + 3 * DAY, minutes=30, now=now)
    return [at - now for at in found]


def test_shifting_everything_by_whole_weeks_in_utc_changes_nothing(database_url: str) -> None:
    world = World(database_url)

    @settings(
        max_examples=examples(30),
        deadline=None,
        suppress_health_check=list(HealthCheck),
        derandomize=True,
    )
    @given(calendar=calendars, hours=hours_of_days, taken=bookings, weeks=st.integers(1, 200))
    def holds(calendar: dict[str, Any], hours: Any, taken: Any, weeks: int) -> None:
        utc = {**calendar, "zone": "UTC"}
        here = world.run(listed_from(world.db, utc, hours, taken, NOW))
        then = NOW + timedelta(weeks=weeks)
        assert world.run(listed_from(world.db, utc, hours, taken, then)) == here

    try:
        holds()
    finally:
        world.close()
