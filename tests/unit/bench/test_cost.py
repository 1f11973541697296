"""Readings of what the machine says."""

import pytest

from bench.cost import Meter, cpu_ticks
from bench.pgbench import PgbenchFailedError, rate_in

STAT = "4711 (a (strange) name) S 1 4711 4711 0 -1 0 0 0 0 0 120 34 500 60 20 0 8 0 99 0 0"


def test_cpu_time_is_user_and_system() -> None:
    assert cpu_ticks(STAT) == 154


def test_cpu_time_of_children_that_ended_is_added_when_asked_for() -> None:
    assert cpu_ticks(STAT, with_ended_children=True) == 154 + 560


def test_a_cost_is_the_difference_of_two_readings() -> None:
    before = Meter(cpu_seconds={"ingest": 1.0, "edge": 2.0}, statements=10, wal_bytes=100)
    after = Meter(cpu_seconds={"ingest": 1.5, "edge": 2.0}, statements=25, wal_bytes=400)
    assert after.since(before) == Meter(
        cpu_seconds={"ingest": 0.5, "edge": 0.0}, statements=15, wal_bytes=300
    )


def test_the_rate_is_the_one_without_connecting() -> None:
    printed = "latency average = 1 ms\ntps = 1234.5 (without initial connection time)\n"
    assert rate_in(printed) == 1234.5


def test_without_a_rate_it_says_what_pgbench_said() -> None:
    with pytest.raises(PgbenchFailedError, match="no such table"):
        rate_in("pgbench: error: no such table")
