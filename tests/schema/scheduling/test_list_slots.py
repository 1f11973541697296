"""What is listed can be booked, what is not listed is refused: one predicate for both."""

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import asyncpg
import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from services.chassis.database import Database, pooled
from tests.conftest import config_for, with_login
from tests.sampling import examples
from tests.schema.scheduling.builders import (
    NOW,
    OFFICE,
    Admin,
    a_calendar,
    a_service,
    add_exception,
    an_import,
    book,
    hold,
    holidays,
    outcome_of,
    slots,
    starts,
)

Answer = TypeVar("Answer")
DAY = timedelta(days=1)
TOMORROW = NOW.replace(hour=0) + DAY


def local(zone: str, text: str, fold: int = 0) -> datetime:
    """An instant by its wall time."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


async def test_office_hours_less_what_is_booked_with_its_buffers(scheduling_db: Database) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(
        scheduling_db, org_id, hours=OFFICE, slot_minutes=30, buffer_before_minutes=15
    )
    await book(scheduling_db, org_id, calendar_id, TOMORROW + timedelta(hours=12), 60)
    found = await starts(scheduling_db, org_id, calendar_id, TOMORROW, TOMORROW + DAY)
    # Its claim is 11:45 to 13:00; one that begins at 13:00 would claim from 12:45.
    assert [at.strftime("%H:%M") for at in found] == [
        "09:00", "09:30", "10:00", "10:30", "13:30", "14:00", "14:30", "15:00", "15:30", "16:00",
    ]  # fmt: skip


async def test_holidays_and_exceptions(scheduling_db: Database) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(
        scheduling_db, org_id, hours=OFFICE, holiday_set="DE", slot_minutes=60
    )
    await holidays(scheduling_db, org_id, "DE", date(2027, 1, 6))
    await add_exception(scheduling_db, org_id, calendar_id, date(2027, 1, 6), "open", 600, 720)
    await add_exception(scheduling_db, org_id, calendar_id, date(2027, 1, 7), "closed", 0, 960)
    found = await starts(scheduling_db, org_id, calendar_id, TOMORROW + DAY, TOMORROW + 3 * DAY)
    assert [at.strftime("%d %H") for at in found] == ["06 10", "06 11", "07 16"]


async def test_a_seat_is_free_only_if_it_is_free_all_along(scheduling_db: Database) -> None:
    org_id, ten = uuid4(), TOMORROW + timedelta(hours=10)
    calendar_id = await a_calendar(scheduling_db, org_id, capacity=2, slot_minutes=60)
    await book(scheduling_db, org_id, calendar_id, ten, 60)
    await book(scheduling_db, org_id, calendar_id, ten, 60)
    found = await starts(
        scheduling_db, org_id, calendar_id, ten - timedelta(hours=2), ten + DAY / 24
    )
    assert found == [ten - timedelta(hours=2), ten - timedelta(hours=1)]


async def test_a_hold_takes_its_slot_until_it_expires(scheduling_db: Database) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id, slot_minutes=60)
    await hold(scheduling_db, org_id, calendar_id, TOMORROW, seconds=600)

    async def listed(now: datetime) -> bool:
        end = TOMORROW + timedelta(minutes=1)
        return bool(await starts(scheduling_db, org_id, calendar_id, TOMORROW, end, now=now))

    assert not await listed(NOW + timedelta(seconds=599))
    assert await listed(NOW + timedelta(seconds=600))


async def test_one_appointment_on_several_calendars_needs_all_of_them(
    scheduling_db: Database,
) -> None:
    org_id = uuid4()
    rooms = [await a_calendar(scheduling_db, org_id, slot_minutes=60) for _ in range(2)]
    service_id = await a_service(scheduling_db, org_id, rooms)
    hours = [TOMORROW + timedelta(hours=hour) for hour in range(4)]
    await book(scheduling_db, org_id, rooms[0], hours[1])
    await book(scheduling_db, org_id, rooms[1], hours[2])
    end = TOMORROW + timedelta(hours=4)
    together = await slots(scheduling_db, org_id, rooms, TOMORROW, end, together=True)
    assert [at for at, _ in together] == [hours[0], hours[3]]
    for hour in hours:
        outcome = await outcome_of(book(scheduling_db, org_id, None, hour, p_service_id=service_id))
        assert outcome == ("booked" if hour in (hours[0], hours[3]) else "SLOT_TAKEN")


async def test_pages_put_together_are_the_whole_list(scheduling_db: Database) -> None:
    org_id = uuid4()
    rooms = [await a_calendar(scheduling_db, org_id, hours=OFFICE) for _ in range(3)]
    end = TOMORROW + 9 * DAY
    whole = await slots(scheduling_db, org_id, rooms, TOMORROW, end)
    paged: list[tuple[datetime, UUID]] = []
    while page := await slots(
        scheduling_db, org_id, rooms, TOMORROW, end, limit=97, after=paged[-1] if paged else None
    ):
        paged += page
    assert paged == whole
    assert whole == sorted(whole)
    assert len(whole) == 3 * 7 * 29


# (zone, hours of the day, from, to, slot minutes, expected starts in UTC): the table of days on
# which clocks do something.
NIGHT = (0, 240)
CASES = [
    # New York springs forward: 02:00 to 03:00 is not there.
    ("America/New_York", "2027-03-14", NIGHT, 60, ["05:00", "06:00", "07:00"]),
    # New York falls back: 01:00 to 02:00 is there twice.
    ("America/New_York", "2027-11-07", NIGHT, 60, ["04:00", "05:00", "06:00", "07:00", "08:00"]),
    # Hours begin with the first of two, end with the second, and within both are there twice.
    ("America/New_York", "2027-11-07", (60, 180), 60, ["05:00", "06:00", "07:00"]),
    ("America/New_York", "2027-11-07", (90, 150), 30, ["05:30", "06:00", "06:30", "07:00"]),
    ("America/New_York", "2027-11-07", (60, 90), 30, ["05:00", "06:00"]),
    ("America/New_York", "2027-11-07", (120, 180), 60, ["07:00"]),
    ("Europe/Berlin", "2027-03-28", NIGHT, 60, ["23:00", "00:00", "01:00"]),
    ("Europe/Berlin", "2027-10-31", NIGHT, 60, ["22:00", "23:00", "00:00", "01:00", "02:00"]),
    # Lord Howe shifts by half an hour: the day's hours are whole ones of its own clock again.
    ("Australia/Lord_Howe", "2027-10-03", NIGHT, 60, ["13:30", "14:30", "16:00"]),
    ("Asia/Kathmandu", "2027-05-03", NIGHT, 60, ["18:15", "19:15", "20:15", "21:15"]),
    # Santiago has no midnight on this day.
    ("America/Santiago", "2027-09-05", NIGHT, 60, ["04:00", "05:00", "06:00"]),
]  # fmt: skip


@pytest.mark.parametrize(("zone", "day", "hours", "grid", "expected"), CASES)
async def test_days_on_which_clocks_change(
    scheduling_db: Database,
    zone: str,
    day: str,
    hours: tuple[int, int],
    grid: int,
    expected: list[str],
) -> None:
    org_id, when = uuid4(), date.fromisoformat(day)
    window = {"weekday": when.isoweekday(), "start_minute": hours[0], "end_minute": hours[1]}
    calendar_id = await a_calendar(
        scheduling_db, org_id, hours=[window], zone=zone, slot_minutes=grid
    )
    noon = datetime(when.year, when.month, when.day, 12, tzinfo=ZoneInfo(zone))
    found = await starts(
        scheduling_db, org_id, calendar_id,
        noon - DAY, noon + DAY, minutes=min(grid, 30), now=noon - 10 * DAY,
    )  # fmt: skip
    assert [at.astimezone(UTC).strftime("%H:%M") for at in found] == expected


async def test_hours_of_a_day_that_a_zone_skipped_are_none(scheduling_db: Database) -> None:
    org_id = uuid4()
    # Samoa went from Thursday the 29th to Saturday the 31st of December 2011.
    friday = {"weekday": 5, "start_minute": 540, "end_minute": 720}
    calendar_id = await a_calendar(scheduling_db, org_id, hours=[friday], zone="Pacific/Apia")
    now = datetime(2011, 12, 26, tzinfo=UTC)
    found = await starts(scheduling_db, org_id, calendar_id, now, now + 8 * DAY, now=now)
    assert found == []


async def test_hours_past_midnight_and_bookings_across_it(scheduling_db: Database) -> None:
    org_id = uuid4()
    monday_night = {"weekday": 1, "start_minute": 22 * 60, "end_minute": 26 * 60}
    calendar_id = await a_calendar(
        scheduling_db, org_id, hours=[monday_night], zone="Europe/Berlin", slot_minutes=60
    )
    found = await starts(scheduling_db, org_id, calendar_id, NOW, NOW + 2 * DAY, minutes=120)
    assert [at.strftime("%d %H") for at in found] == ["04 21", "04 22", "04 23"]
    assert await outcome_of(book(scheduling_db, org_id, calendar_id, found[1], 120)) == "booked"


@pytest.mark.parametrize(("day", "hours"), [("2027-03-14", 23), ("2027-11-07", 25)])
async def test_days_of_23_and_25_hours(scheduling_db: Database, day: str, hours: int) -> None:
    org_id, zone = uuid4(), "America/New_York"
    calendar_id = await a_calendar(scheduling_db, org_id, zone=zone, slot_minutes=60)
    start = local(zone, f"{day}T00:00")
    end = local(zone, f"{date.fromisoformat(day) + DAY}T00:00")
    found = await starts(scheduling_db, org_id, calendar_id, start, end, now=start - DAY)
    assert len(found) == hours


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
    # Each alone: what it books is rolled back before the next one tries.
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
