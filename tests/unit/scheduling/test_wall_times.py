"""Wall times that are there once, twice or not at all."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scheduling.wall_times import (
    AMBIGUOUS,
    GAP,
    WallTimeRefused,
    instant,
    is_zone,
    wall_time,
)

# (zone, wall time, fold, instant in UTC)
ONCE = [
    ("America/New_York", "2027-03-14T01:59", None, "2027-03-14T06:59"),
    ("America/New_York", "2027-03-14T03:00", None, "2027-03-14T07:00"),
    ("America/New_York", "2027-11-07T01:30", 0, "2027-11-07T05:30"),
    ("America/New_York", "2027-11-07T01:30", 1, "2027-11-07T06:30"),
    ("Europe/Berlin", "2027-10-31T02:30", 0, "2027-10-31T00:30"),
    ("Europe/Berlin", "2027-10-31T02:30", 1, "2027-10-31T01:30"),
    ("Australia/Lord_Howe", "2027-10-03T02:30", None, "2027-10-02T15:30"),
    ("Australia/Lord_Howe", "2027-04-04T01:45", 0, "2027-04-03T14:45"),
    ("Australia/Lord_Howe", "2027-04-04T01:45", 1, "2027-04-03T15:15"),
    ("Asia/Kathmandu", "2027-05-03T09:00", None, "2027-05-03T03:15"),
    ("Pacific/Apia", "2011-12-31T09:00", None, "2011-12-30T19:00"),
    ("America/Santiago", "2027-09-05T01:00", None, "2027-09-05T04:00"),
    ("UTC", "2027-01-01T00:00", None, "2027-01-01T00:00"),
]
REFUSED = [
    ("America/New_York", "2027-03-14T02:30", GAP),
    ("America/New_York", "2027-11-07T01:30", AMBIGUOUS),
    ("Europe/Berlin", "2027-03-28T02:30", GAP),
    ("Europe/Berlin", "2027-10-31T02:30", AMBIGUOUS),
    ("Australia/Lord_Howe", "2027-10-03T02:15", GAP),
    ("Australia/Lord_Howe", "2027-04-04T01:45", AMBIGUOUS),
    ("Pacific/Apia", "2011-12-30T09:00", GAP),
    ("America/Santiago", "2027-09-05T00:30", GAP),
]


@pytest.mark.parametrize(("zone", "text", "fold", "expected"), ONCE)
def test_a_wall_time_that_is_there(zone: str, text: str, fold: int | None, expected: str) -> None:
    found = instant(datetime.fromisoformat(text), zone, fold)
    assert found == datetime.fromisoformat(expected).replace(tzinfo=UTC)
    assert wall_time(found, zone) == datetime.fromisoformat(text)


@pytest.mark.parametrize(("zone", "text", "cause"), REFUSED)
def test_a_wall_time_that_is_none(zone: str, text: str, cause: str) -> None:
    with pytest.raises(WallTimeRefused) as refused:
        instant(datetime.fromisoformat(text), zone)
    assert refused.value.cause == cause


@pytest.mark.parametrize("fold", [0, 1])
def test_a_fold_does_not_make_a_gap_a_time(fold: int) -> None:
    with pytest.raises(WallTimeRefused):
        instant(datetime.fromisoformat("2027-03-14T02:30"), "America/New_York", fold)


@given(
    minutes=st.integers(0, 60 * 24 * 3650),
    zone=st.sampled_from(["America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]),
)
def test_every_instant_is_one_of_its_wall_times_folds(minutes: int, zone: str) -> None:
    moment = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    shown = wall_time(moment, zone)
    assert moment in (instant(shown, zone, 0), instant(shown, zone, 1))


def test_only_names_of_the_zone_database_are_zones() -> None:
    assert is_zone("Europe/Berlin")
    assert not is_zone("Europe/Atlantis")
    assert not is_zone("../etc/passwd")
