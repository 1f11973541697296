"""Retry-After is an integer or an HTTP date; nothing else costs a delivery its schedule."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.outbound.retry_after import SECONDS_MAX, parse_retry_after

NOW = datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        (" 120\t", 120),
        ("007", 7),
        (str(SECONDS_MAX), SECONDS_MAX),
        (str(SECONDS_MAX + 1), SECONDS_MAX),
        ("9" * 100, SECONDS_MAX),
    ],
)
def test_an_integer_is_seconds_up_to_the_bound(value: str, seconds: int) -> None:
    assert parse_retry_after(value, NOW) == seconds


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("Sun, 06 Nov 1994 08:50:37 GMT", 60),
        ("Sunday, 06-Nov-94 08:50:37 GMT", 60),
        ("Sun Nov  6 08:50:37 1994", 60),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 0),
        ("Sat, 05 Nov 1994 08:49:37 GMT", 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", SECONDS_MAX),
    ],
)
def test_a_date_is_the_time_until_then_up_to_the_bound(value: str, seconds: int) -> None:
    assert parse_retry_after(value, NOW) == seconds


def test_a_part_of_a_second_is_waited_for_in_full() -> None:
    now = NOW + timedelta(milliseconds=300)
    assert parse_retry_after("Sun, 06 Nov 1994 08:49:38 GMT", now) == 1


def test_the_zone_of_now_does_not_matter() -> None:
    now = NOW.astimezone(timezone(timedelta(hours=9)))
    assert parse_retry_after("Sun Nov  6 08:50:37 1994", now) == 60


def test_the_bound_is_the_callers() -> None:
    assert parse_retry_after("120", NOW, seconds_max=90) == 90


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "inf",
        "-inf",
        "Infinity",
        "1e30",
        "1e3",
        "-5",
        "+5",
        "NaN",
        "1.5",
        "1_000",
        "0x10",
        "\u0661\u0662",
        "9" * 5000,
        "soon",
        "60 seconds",
        "60, 120",
        "Sun, 06 Nov 1994",
        "Sun, 06 Nov 1994 08:50:37 +0200",
        "Sun, 06 Nov 1994 25:50:37 GMT",
        "Sun, 32 Nov 1994 08:50:37 GMT",
        "Sun, 06 Foo 1994 08:50:37 GMT",
        "Sun, 06 Nov 0000 08:50:37 GMT",
        "1994-11-06T08:50:37Z",
    ],
)
def test_anything_else_is_ignored(value: str | None) -> None:
    assert parse_retry_after(value, NOW) is None


@given(st.text() | st.from_regex(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT"))
def test_no_header_raises_or_leaves_the_bounds(value: str) -> None:
    seconds = parse_retry_after(value, NOW)
    assert seconds is None or 0 <= seconds <= SECONDS_MAX
