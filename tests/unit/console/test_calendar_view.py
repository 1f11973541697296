"""Availability as a text calendar."""

import io
from datetime import UTC, datetime

from rich.console import Console

from services.console.calendar_view import render_availability


def drawn(starts: list[datetime], zone: str) -> str:
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(render_availability(starts, zone))
    return console.export_text()


def test_each_day_is_a_row_with_its_starts_under_their_hours() -> None:
    starts = [
        datetime(2027, 1, 5, 8, 0, tzinfo=UTC),
        datetime(2027, 1, 5, 8, 30, tzinfo=UTC),
        datetime(2027, 1, 6, 9, 15, tzinfo=UTC),
    ]
    text = drawn(starts, "Europe/Berlin")
    tuesday = next(line for line in text.splitlines() if "Tue 2027-01-05" in line)
    wednesday = next(line for line in text.splitlines() if "Wed 2027-01-06" in line)
    assert tuesday.split()[2:] == [":00", ":30", "·"]
    assert wednesday.split()[2:] == ["·", ":15"]


def test_nothing_free_is_said_in_words() -> None:
    assert "nothing is free" in drawn([], "UTC")
