"""A failed batch in halves: items that break it fail by themselves, the others are done."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.batching import (
    run_in_halves,
)
from tests.unit.chassis.batching.flushes import (
    Poison,
)


class Halves:
    """Runs of batches: each that holds a poisoned number raises; one of `outage` is an outage."""

    def __init__(self, poison: set[int], outage: int | None = None) -> None:
        self.poison = poison
        self.outage = outage
        self.runs = 0
        self.done: list[int] = []
        self.failed: list[tuple[int, str]] = []

    async def run(self, numbers: Sequence[int]) -> None:
        self.runs += 1
        if self.outage is not None and list(numbers) == [self.outage]:
            raise OSError("away")
        if self.poison.intersection(numbers):
            raise Poison(str(sorted(self.poison.intersection(numbers))[0]))
        self.done += numbers

    async def over(self, numbers: Sequence[int]) -> None:
        await run_in_halves(
            numbers,
            self.run,
            failed=lambda number, error: self.failed.append((number, str(error))),
            is_outage=lambda error: isinstance(error, OSError),
        )


@given(st.integers(0, 40), st.sets(st.integers(0, 39)))
def test_halves_fail_the_poisoned_items_alone_in_order_and_within_2n_minus_1_runs(
    count: int, poison: set[int]
) -> None:
    halves = Halves(poison)
    asyncio.run(halves.over(range(count)))
    assert halves.done == [number for number in range(count) if number not in poison]
    assert halves.failed == [(number, str(number)) for number in range(count) if number in poison]
    assert halves.runs <= max(0, 2 * count - 1)


async def test_an_outage_among_the_halves_rises_and_leaves_the_rest() -> None:
    halves = Halves({0, 2}, outage=2)
    with pytest.raises(OSError, match="away"):
        await halves.over([0, 1, 2, 3])
    assert (halves.done, halves.failed) == ([1], [(0, "0")])
