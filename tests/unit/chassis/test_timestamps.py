"""Moments on their way into and out of protobuf."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from services.chassis.timestamps import from_timestamp, to_optional_timestamp, to_timestamp

NOON = datetime(2027, 1, 4, 12, 0, 0, 250_000, tzinfo=UTC)


def test_a_moment_comes_back_in_utc_from_whatever_zone_it_was_in() -> None:
    there = NOON.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert from_timestamp(to_timestamp(there)) == NOON
    assert from_timestamp(to_timestamp(there)).tzinfo is UTC


def test_none_stays_none() -> None:
    assert to_optional_timestamp(None) is None
    assert to_optional_timestamp(NOON) == to_timestamp(NOON)


@pytest.mark.parametrize("seconds", [2**62, -(2**62), 253_402_300_800])
def test_a_timestamp_outside_of_what_a_datetime_holds_is_a_value_error(seconds: int) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        from_timestamp(Timestamp(seconds=seconds))
