"""Durations, moments, and text that others wrote."""

from datetime import UTC, datetime

import pytest

from services.console.terminal_text import duration_text, moment_text, printable


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "0.00 ms"),
        (0.123, "0.12 ms"),
        (12.34, "12.3 ms"),
        (999.9, "999.9 ms"),
        (999.96, "1.00 s"),
        (1240, "1.24 s"),
        (59_996, "1 min 0 s"),
        (200_000, "3 min 20 s"),
        (7_500_000, "2 h 5 min"),
        (86_400_000 * 3 + 3_600_000 * 4, "3 d 4 h"),
    ],
)
def test_durations_have_the_unit_that_fits(ms: float, text: str) -> None:
    assert duration_text(ms) == text


def test_moments_are_in_utc_to_the_millisecond() -> None:
    moment = datetime.fromisoformat("2026-11-20T13:00:00.123456+01:00")
    assert moment_text(moment) == "2026-11-20 12:00:00.123Z"
    assert moment.tzinfo is not UTC


def test_control_characters_are_replaced_and_letters_are_kept() -> None:
    assert printable("Zoë\x1b[31m\n\x85") == "Zoë�[31m��"
