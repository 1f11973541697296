"""What a booking's load is, and what its score is held against."""

from collections import Counter
from datetime import datetime

from bench.booking_load import CALLERS, Score, attempts, figures, loads


def a_score(**outcomes: int) -> Score:
    """Every attempt took 10 ms."""
    return Score(
        outcomes=outcomes,
        double_bookings=0,
        deadlocks=0,
        seconds=[0.01] * sum(outcomes.values()),
    )


def unmet(score: Score, booked: int | None) -> set[str]:
    """What our figures miss of what is asked of them."""
    return {
        each.what.partition(": ")[2]
        for each in figures("x", score, booked, ours=True)
        if each.met is False
    }


def test_every_load_has_its_attempts_and_says_how_many_can_be_had() -> None:
    one, free, mixed = loads(100)
    assert [len(each.ranges) for each in (one, free, mixed)] == [100, 100, 100]
    assert (one.booked, len(set(one.ranges))) == (1, 1)
    assert (free.booked, len(set(free.ranges))) == (100, 100)
    assert mixed.booked is None
    assert len({end - start for start, end in mixed.ranges}) > 2


def test_ours_is_held_against_what_is_asked_of_it() -> None:
    assert unmet(a_score(booked=1, SLOT_TAKEN=99), 1) == set()
    assert unmet(a_score(booked=2, SLOT_TAKEN=98), 1) == {
        "bookings more or fewer than there are slots"
    }
    assert unmet(a_score(booked=98, SLOT_BUSY=2), None) == {"rejected by locks"}
    assert unmet(a_score(booked=99, UNAVAILABLE=1), None) == {"neither booked nor refused"}


def test_the_others_have_no_targets() -> None:
    rows = figures("x", a_score(booked=50, rejected=50), ours=False)
    assert [row.met for row in rows] == [None] * len(rows)
    assert [row.value for row in rows if "rejected" in row.what] == [50]


async def test_each_range_is_tried_once() -> None:
    tried: Counter[tuple[datetime, datetime]] = Counter()

    async def book(start: datetime, end: datetime) -> str:
        tried[start, end] += 1
        return "booked"

    ranges = loads(2 * CALLERS)[1].ranges
    outcomes, seconds = await attempts(ranges, book)
    assert tried == Counter(ranges)
    assert outcomes == {"booked": 2 * CALLERS}
    assert len(seconds) == 2 * CALLERS
