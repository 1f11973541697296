import math

import hypothesis.strategies as st
import pytest
from hypothesis import given

from services.delivery.backoff import BackoffPolicy, delay_seconds, throttle_seconds

POLICY = BackoffPolicy()


@pytest.mark.parametrize(
    ("attempt", "seconds"),
    [(1, 5), (2, 30), (3, 120), (4, 600), (5, 3600), (6, 10_800), (7, 28_800)],
)
def test_the_schedule(attempt: int, seconds: float) -> None:
    assert delay_seconds(POLICY, attempt=attempt, retry_after_seconds=None, jitter=0) == seconds


def test_after_the_last_attempt_there_is_no_next() -> None:
    assert POLICY.attempts_max == 8
    for attempt in (8, 9, 100):
        assert delay_seconds(POLICY, attempt=attempt, retry_after_seconds=1, jitter=0) is None


@given(st.integers(1, 7), st.one_of(st.none(), st.floats(0, 1e9)), st.floats(0, 1))
def test_jitter_and_retry_after_only_add_and_stay_bounded(
    attempt: int, asked: float | None, jitter: float
) -> None:
    scheduled = POLICY.schedule_seconds[attempt - 1]
    delay = delay_seconds(POLICY, attempt=attempt, retry_after_seconds=asked, jitter=jitter)
    assert delay is not None
    assert math.isfinite(delay)
    assert scheduled <= delay
    most = max(scheduled, POLICY.retry_after_seconds_max) + POLICY.jitter_share * scheduled
    assert delay <= most * (1 + 1e-9)


def test_retry_after_only_lengthens_the_delay() -> None:
    assert delay_seconds(POLICY, attempt=1, retry_after_seconds=100, jitter=0) == 100
    assert delay_seconds(POLICY, attempt=3, retry_after_seconds=100, jitter=0) == 120


def test_an_endpoint_is_throttled_for_a_bounded_time() -> None:
    assert throttle_seconds(POLICY, None) == 5
    assert throttle_seconds(POLICY, 0) == 5
    assert throttle_seconds(POLICY, 60) == 60
    assert throttle_seconds(POLICY, 1e9) == 3600
