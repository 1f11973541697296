"""When an item is tried again."""

import itertools

import pytest

from services.ingest.backoff import DELAYS_SECONDS, retry_delay_seconds


def test_waits_grow_and_end_after_more_than_a_week() -> None:
    waits = [retry_delay_seconds(attempt) for attempt in range(1, len(DELAYS_SECONDS) + 1)]
    assert all(wait is not None for wait in waits)
    assert all(earlier <= later for earlier, later in itertools.pairwise(DELAYS_SECONDS))
    assert sum(DELAYS_SECONDS) > 7 * 24 * 3600
    assert retry_delay_seconds(len(DELAYS_SECONDS) + 1) is None


@pytest.mark.parametrize(
    ("attempts", "at_least", "expected"),
    [(1, 0, 2.0), (1, 60, 60), (4, 60, 300.0), (3, 600, 600)],
)
def test_a_limit_only_lengthens_the_wait(attempts: int, at_least: float, expected: float) -> None:
    assert retry_delay_seconds(attempts, at_least) == expected
