"""Items are offered at their times, whatever became of those before."""

import time

import pytest

from bench.open_loop import Schedule, offer


def test_items_are_evenly_spaced_from_the_start() -> None:
    schedule = Schedule(rate=50, seconds=2)
    assert schedule.count == 100
    assert [schedule.planned(number) for number in (0, 1, 50, 99)] == [0, 0.02, 1, 1.98]


@pytest.mark.parametrize(
    ("elapsed", "due"),
    [(-0.1, 0), (0, 1), (0.0199, 1), (0.0201, 2), (1, 51), (1.985, 100), (60, 100)],
)
def test_what_is_due_is_what_was_planned_by_then(elapsed: float, due: int) -> None:
    assert Schedule(rate=50, seconds=2).due(elapsed) == due


@pytest.mark.parametrize("rate", [3, 50, 200, 500])
def test_every_item_is_due_at_its_planned_time_and_none_before(rate: float) -> None:
    schedule = Schedule(rate=rate, seconds=3)
    for number in range(schedule.count):
        moment = schedule.planned(number)
        assert schedule.due(moment + 1e-9) == number + 1
        assert schedule.due(moment - 1e-9) == number


async def test_each_is_offered_once_in_order_with_the_time_it_was_planned_for() -> None:
    schedule = Schedule(rate=2_000, seconds=0.05)
    sent: list[tuple[int, float]] = []
    before = time.monotonic()
    await offer(schedule, lambda number, planned: sent.append((number, planned)))
    assert [number for number, _ in sent] == list(range(100))
    first = sent[0][1]
    assert before <= first
    assert [planned - first for _, planned in sent] == pytest.approx(
        [schedule.planned(number) for number in range(100)]
    )


async def test_a_sender_that_dawdles_makes_items_late_but_not_fewer() -> None:
    schedule = Schedule(rate=1_000, seconds=0.03)
    lateness: list[float] = []

    def send(_: int, planned: float) -> None:
        busy_until = time.monotonic() + 0.002
        while time.monotonic() < busy_until:
            pass
        lateness.append(time.monotonic() - planned)

    await offer(schedule, send)
    assert len(lateness) == 30
    # Thirty times 2 ms of work, offered in 30 ms: the last is half of the work behind its time.
    assert lateness[-1] > 0.025
