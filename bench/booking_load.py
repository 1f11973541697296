"""What each way of booking is given, and what came of it."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from bench.figures import Figure, Target
from bench.latencies import Percentiles

CALLERS: Final = 64
START: Final = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=2)
_QUARTER: Final = timedelta(minutes=15)
_REJECTED: Final = ("rejected", "lock timeout", "SLOT_BUSY")
_DECIDED: Final = ("booked", "taken", "SLOT_TAKEN", "deadlock", *_REJECTED)

Range = tuple[datetime, datetime]
Book = Callable[[datetime, datetime], Awaitable[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Attempts; `booked` is how many must succeed on one seat, None where chance decides."""

    name: str
    ranges: Sequence[Range]
    booked: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What a load came to."""

    outcomes: Mapping[str, int]
    double_bookings: int
    deadlocks: int
    seconds: Sequence[float]

    @property
    def rejected(self) -> int:
        """Attempts that a lock turned away, whether or not the slot was free."""
        return sum(self.outcomes.get(each, 0) for each in _REJECTED)


def loads(count: int) -> list[Load]:
    """One slot, free slots of one calendar, overlapping ranges of mixed length."""
    rng = random.Random(1)
    free = [(START + place * _QUARTER, START + (place + 1) * _QUARTER) for place in range(count)]
    rng.shuffle(free)
    mixed = []
    for _ in range(count):
        start = START + rng.randrange(96) * _QUARTER
        mixed.append((start, start + rng.choice([1, 2, 3, 6, 16]) * _QUARTER))
    one = [(START, START + 4 * _QUARTER)] * count
    return [
        Load(name=f"{count} attempts on one slot", ranges=one, booked=1),
        Load(name=f"{count} free slots of one calendar", ranges=free, booked=count),
        Load(name=f"{count} overlapping ranges", ranges=mixed, booked=None),
    ]


async def attempts(ranges: Sequence[Range], book: Book) -> tuple[Counter[str], list[float]]:
    """All of them by 64 callers: how many ended how, and how long each took."""
    waiting, outcomes, seconds = iter(ranges), Counter[str](), list[float]()

    async def caller() -> None:
        for start, end in waiting:
            began = time.perf_counter()
            outcomes[await book(start, end)] += 1
            seconds.append(time.perf_counter() - began)

    async with asyncio.TaskGroup() as callers:
        for _ in range(CALLERS):
            callers.create_task(caller())
    return outcomes, seconds


async def warm_up(book: Book) -> None:
    """Two bookings a caller, each of a slot of its own: plans are made and code is loaded then."""
    await attempts(loads(2 * CALLERS)[1].ranges, book)


def figures(what: str, score: Score, booked: int | None = None, *, ours: bool) -> list[Figure]:
    """A score's rows; ours are held against what is asked of them."""
    count = len(score.seconds)
    none = Target(value=0, at_most=True) if ours else None
    few = Target(value=count * 0.01, at_most=True) if ours else None
    soon = Target(value=200, at_most=True) if ours else None
    average = sum(score.seconds) / count * 1000
    spread = Percentiles.of_seconds(score.seconds)
    undecided = sum(score.outcomes.values()) - sum(score.outcomes.get(each, 0) for each in _DECIDED)
    rows = [
        ("double bookings", score.double_bookings, "", none),
        ("rejected by locks", score.rejected, "", few),
        ("deadlocks", score.deadlocks, "", none),
        ("average", average, "ms", soon),
        ("p50", spread.p50, "ms", None),
        ("p99", spread.p99, "ms", None),
    ]
    if ours and booked is not None:
        rows.insert(0, ("bookings more or fewer than there are slots",
                        abs(score.outcomes.get("booked", 0) - booked), "", none))  # fmt: skip
    if ours:
        rows.insert(0, ("neither booked nor refused", undecided, "", none))
    beside = f"{score.outcomes.get('booked', 0)} booked"
    return [
        Figure(
            what=f"{what}: {name}",
            value=value,
            unit=unit,
            target=target,
            beside=beside if name == "double bookings" else "",
        )
        for name, value, unit, target in rows
    ]
