"""The arithmetic of many durations."""

import math

import pytest

from bench.latencies import Percentiles, per_second, percentile


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0, 1), (0.01, 1), (0.5, 50), (0.505, 51), (0.95, 95), (0.99, 99), (0.991, 100), (1, 100)],
)
def test_a_percentile_is_the_nearest_rank(share: float, expected: float) -> None:
    values = [float(value) for value in range(100, 0, -1)]
    assert percentile(values, share) == expected


def test_a_percentile_of_one_value_is_that_value() -> None:
    assert {percentile([7.0], share) for share in (0, 0.5, 0.99, 1)} == {7.0}


def test_what_was_never_answered_counts_as_the_longest() -> None:
    values = [0.001] * 98 + [math.inf] * 2
    assert percentile(values, 0.98) == 0.001
    assert percentile(values, 0.99) == math.inf


def test_no_values_have_no_percentile() -> None:
    assert math.isnan(percentile([], 0.5))


@pytest.mark.parametrize("share", [-0.01, 1.01])
def test_a_share_is_between_0_and_1(share: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        percentile([1.0], share)


def test_percentiles_are_in_milliseconds() -> None:
    spread = Percentiles.of_seconds([number / 1000 for number in range(1, 101)])
    assert (spread.p50, spread.p95, spread.p99) == (50, 95, 99)


@pytest.mark.parametrize(("count", "seconds", "rate"), [(300, 2, 150), (0, 2, 0), (5, 0, 0)])
def test_a_rate_is_a_count_by_time(count: int, seconds: float, rate: float) -> None:
    assert per_second(count, seconds) == rate
