"""The watermark keeps claims off old rows and never loses one."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.watermark import Watermark

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def a_watermark(margin_seconds: float = 2, sweep_every_seconds: float = 5) -> Watermark:
    return Watermark(margin_seconds=margin_seconds, sweep_every_seconds=sweep_every_seconds)


def test_the_first_claim_is_a_sweep() -> None:
    assert a_watermark().lower_bound(at(0)) is None


def test_a_claim_that_failed_leaves_the_sweep_due() -> None:
    watermark = a_watermark()
    watermark.lower_bound(at(0))
    assert watermark.lower_bound(at(1)) is None


def test_after_a_claim_the_next_starts_a_margin_below_its_oldest_row() -> None:
    watermark = a_watermark()
    watermark.lower_bound(at(0))
    watermark.observe(at(-60), at(0))
    assert watermark.lower_bound(at(1)) == at(-62)


def test_after_an_empty_claim_the_next_starts_a_margin_before_it() -> None:
    watermark = a_watermark()
    watermark.lower_bound(at(0))
    watermark.observe(None, at(0))
    assert watermark.lower_bound(at(1)) == at(-2)


def test_a_claim_that_left_rows_behind_does_not_lift_the_bound_above_them() -> None:
    watermark = a_watermark()
    watermark.lower_bound(at(0))
    watermark.observe(at(-60), at(0))
    watermark.lower_bound(at(1))
    watermark.observe(None, at(1), left_behind=True)
    assert watermark.lower_bound(at(2)) == at(-62)
    watermark.observe(None, at(2))
    assert watermark.lower_bound(at(3)) == at(0)


def test_a_row_from_the_future_does_not_lift_the_bound_above_now() -> None:
    watermark = a_watermark()
    watermark.lower_bound(at(0))
    watermark.observe(at(3600), at(0))
    assert watermark.lower_bound(at(1)) == at(-2)


def test_a_sweep_is_due_after_its_interval_and_not_before() -> None:
    watermark = a_watermark()
    watermark.lower_bound(at(0))
    watermark.observe(None, at(0))
    assert watermark.lower_bound(at(4.9)) is not None
    assert watermark.lower_bound(at(5)) is None


def test_a_claim_above_the_watermark_does_not_count_as_a_sweep() -> None:
    watermark = a_watermark()
    watermark.lower_bound(at(0))
    watermark.observe(None, at(0))
    watermark.lower_bound(at(4.9))
    watermark.observe(None, at(5.1))
    assert watermark.lower_bound(at(5.2)) is None


def test_an_old_backlog_found_by_a_sweep_is_served_without_waiting_for_the_next() -> None:
    watermark = a_watermark()
    watermark.lower_bound(at(0))
    watermark.observe(None, at(0))
    watermark.lower_bound(at(5))
    watermark.observe(at(-900), at(5))
    assert watermark.lower_bound(at(5.1)) == at(-902)
    watermark.observe(None, at(5.1))
    assert watermark.lower_bound(at(5.2)) == at(3.1)


@pytest.mark.parametrize("bad", [{"margin_seconds": -1}, {"sweep_every_seconds": 0}])
def test_senseless_settings_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="margin"):
        a_watermark(**bad)


@dataclass(frozen=True)
class Row:
    enqueued_at: datetime
    visible_at: datetime


rows = st.lists(
    st.builds(
        lambda enqueued, delay: Row(at(enqueued), at(enqueued + delay)),
        st.integers(0, 60),
        # Most commit at once; some only long after, like a retry or a slow transaction.
        st.sampled_from([0, 0, 1, 3, 40]),
    ),
    max_size=30,
)


@given(waiting=rows, batch=st.integers(1, 5), sweep_every=st.integers(1, 10))
def test_every_row_is_claimed_at_the_latest_when_sweeps_had_the_time(
    waiting: list[Row], batch: int, sweep_every: int
) -> None:
    watermark = a_watermark(sweep_every_seconds=sweep_every)
    claims_per_second = 10
    left = sorted(waiting, key=lambda row: row.enqueued_at)
    # The last row is visible at 100 s; then one sweep may be needed for each row and no more.
    for tick in range((100 + sweep_every * (len(waiting) + 1)) * claims_per_second):
        now = at(tick / claims_per_second)
        bound = watermark.lower_bound(now)
        claimed = [
            row
            for row in left
            if row.visible_at <= now and (bound is None or row.enqueued_at >= bound)
        ][:batch]
        left = [row for row in left if row not in claimed]
        watermark.observe(claimed[0].enqueued_at if claimed else None, now)
    assert left == []
