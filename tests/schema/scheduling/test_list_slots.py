"""What is listed can be booked, what is not listed is refused: one predicate for both."""

from datetime import UTC, date, datetime, timedelta
from typing import TypeVar
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest

from services.chassis.database import Database
from tests.schema.scheduling.bookings import book, hold, outcome_of
from tests.schema.scheduling.builders import (
    NOW,
    OFFICE,
    a_calendar,
    a_service,
    add_exception,
    holidays,
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
