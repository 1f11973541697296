"""External calendars: read within bounds of time and memory, whatever they hold."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from subprocess import Popen
from typing import Any

import pytest

from services.scheduling import busy_times, calendar_reader
from services.scheduling.busy_times import CalendarUnreadable
from services.scheduling.calendar_reader import CalendarReader
from tests.unit.scheduling.external import external

START = datetime(2027, 1, 4, 8, tzinfo=UTC)
WINDOW = ("UTC", START, START + timedelta(days=93))
MEGABYTE = 1024 * 1024
HOUR_AT_NINE = "DTSTART:20270105T090000Z\nDURATION:PT1H"
# The library looks for a 30th of February until the year 9999, here 2,000 times.
ENDLESS = external(*[f"{HOUR_AT_NINE}\nRRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"] * 2000)
# Five megabytes, as much as is fetched.
HUGE = external(*[f"{HOUR_AT_NINE}\nSUMMARY:{'x' * 20}"] * 42_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A process that a reader started, and what was set for it."""

    process: "Popen[bytes]"
    env: dict[str, str]


def a_reader(**changes: Any) -> CalendarReader:
    """A reader with the bounds of the service."""
    return CalendarReader(**{"seconds_max": 15, "memory_bytes_max": 512 * MEGABYTE, **changes})


async def test_it_returns_what_the_function_returns() -> None:
    content = external(HOUR_AT_NINE, f"{HOUR_AT_NINE}\nRRULE:FREQ=WEEKLY;COUNT=3")
    found = await a_reader().busy_times(content, *WINDOW)
    assert found == busy_times.busy_times(content, *WINDOW)
    assert len(found) == 3


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ("FREQ=SECONDLY", "too often"),
        ("FREQ=MINUTELY;COUNT=5", "too often"),
        ("FREQ=DAILY;INTERVAL=0", "too often"),
        ("FREQ=HOURLY;BYMINUTE=0,10,20,30,40,50", "too often"),
        ("FREQ=DAILY;BYMINUTE=0,30;BYSECOND=0,20,40", "too often"),
    ],
)
def test_an_event_that_repeats_too_often_is_not_expanded(rule: str, why: str) -> None:
    with pytest.raises(CalendarUnreadable, match=why):
        busy_times.busy_times(external(f"{HOUR_AT_NINE}\nRRULE:{rule}"), *WINDOW)


def test_the_expansion_of_two_thousand_daily_series_stops_at_too_many_events(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(busy_times, "BUSY_TIMES_MAX", 100)
    taken: list[str] = []

    def expanded(events: Any, *_: Any) -> Any:
        taken.extend(str(event["UID"]) for event in events)
        return iter(())

    monkeypatch.setattr(busy_times, "_times", expanded)
    with pytest.raises(CalendarUnreadable, match="more than 100 events"):
        busy_times.busy_times(external(*[f"{HOUR_AT_NINE}\nRRULE:FREQ=DAILY"] * 2000), *WINDOW)
    # 93 days of the first series, and a few of the second.
    assert len(set(taken)) <= 2


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> "asyncio.Queue[Started]":
    """The processes that readers start, each with its settings."""
    processes: asyncio.Queue[Started] = asyncio.Queue()

    def starting(command: tuple[str, ...], **more: Any) -> "Popen[bytes]":
        process = Popen(command, **more)
        processes.put_nowait(Started(process=process, env=more["env"]))
        return process

    monkeypatch.setattr(calendar_reader, "Popen", starting)
    return processes


@pytest.mark.parametrize("content", [ENDLESS, HUGE], ids=["endless", "huge"])
async def test_a_calendar_that_takes_too_much_ends_its_process(
    started: "asyncio.Queue[Started]", content: bytes
) -> None:
    with pytest.raises(CalendarUnreadable, match="it takes too"):
        await a_reader(seconds_max=0.5).busy_times(content, *WINDOW)
    assert started.get_nowait().process.returncode not in (None, 0)


async def test_a_calendar_that_takes_too_much_memory_is_not_read() -> None:
    with pytest.raises(CalendarUnreadable):
        await a_reader(memory_bytes_max=96 * MEGABYTE).busy_times(HUGE, *WINDOW)


async def test_a_cancelled_reading_ends_its_process(
    started: "asyncio.Queue[Started]",
) -> None:
    reading = asyncio.create_task(a_reader().busy_times(ENDLESS, *WINDOW))
    process = (await started.get()).process
    assert process.returncode is None
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert process.returncode == -9


async def test_the_process_is_not_given_the_services_settings(
    started: "asyncio.Queue[Started]", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAYBILL_SCHEDULING_DATABASE_URL", "postgresql://u:secret@h/d")
    await a_reader().busy_times(external(HOUR_AT_NINE), *WINDOW)
    given = started.get_nowait().env
    assert "PATH" in given
    assert not [name for name in given if name.startswith("WAYBILL")]
