"""Slices of several services become one waterfall."""

from datetime import timedelta

import pytest

from services.console.waterfall import Gap, merge, to_json, to_ms
from tests.unit.console.builders import START, TRACE_ID, a_waterfall, an_entry, at


def shape(*entries: object, now: float = 0) -> list[tuple[str, float, float]]:
    waterfall = a_waterfall(*entries, now=now)  # type: ignore[arg-type]
    return [(bar.entry.name, bar.offset_ms, bar.duration_ms) for bar in waterfall.bars]


def test_bars_are_offset_from_the_first_start() -> None:
    assert shape(an_entry("store", 40, 50), an_entry("queue", 10, 40)) == [
        ("queue", 0, 30),
        ("store", 30, 10),
    ]


def test_overlapping_bars_keep_their_own_lengths() -> None:
    bars = shape(an_entry("delivery", 0, 100), an_entry("hold", 10, 90), an_entry("post", 20, 120))
    assert bars == [("delivery", 0, 100), ("hold", 10, 80), ("post", 20, 100)]


def test_the_total_is_the_latest_end_not_that_of_the_last_bar() -> None:
    assert a_waterfall(an_entry("long", 0, 500), an_entry("short", 100, 110)).total_ms == 500


def test_what_goes_on_lasts_until_now() -> None:
    waterfall = a_waterfall(an_entry("store", 0, 5), an_entry("wait", 5, None), now=65)
    assert [bar.duration_ms for bar in waterfall.bars] == [5, 60]
    assert [bar.is_open for bar in waterfall.bars] == [False, True]
    assert (waterfall.total_ms, waterfall.is_open) == (65, True)


def test_what_went_on_before_now_was_taken_never_lasts_less_than_nothing() -> None:
    bars = shape(an_entry("wait", 50, None), an_entry("wait", 80, None), now=10)
    assert bars == [("wait", 0, 30), ("wait", 30, 0)]


def test_a_row_that_ends_before_it_starts_lasts_nothing() -> None:
    assert shape(an_entry("skewed", 30, 10)) == [("skewed", 0, 0)]


def test_a_service_whose_clock_is_behind_comes_first_and_nothing_gets_a_negative_offset() -> None:
    behind = an_entry("taken over", -20, -10, service="routing")
    waterfall = merge(TRACE_ID, [[an_entry("store", 0, 5)], [behind]], now=at(0))
    assert [(bar.entry.service, bar.offset_ms) for bar in waterfall.bars] == [
        ("routing", 0),
        ("ingest", 20),
    ]
    assert waterfall.started_at == at(-20)


def test_equal_starts_keep_the_order_of_services_and_of_their_answers() -> None:
    ingest = [an_entry("queue", 0, 5), an_entry("process", 0, 9)]
    routing = [an_entry("decide", 0, 1, service="routing")]
    waterfall = merge(TRACE_ID, [ingest, routing], now=START)
    assert [bar.entry.name for bar in waterfall.bars] == ["queue", "process", "decide"]


def test_a_trace_that_nobody_knows_has_no_bars_but_says_who_was_not_asked() -> None:
    gap = Gap(service="delivery", problem="could not be reached")
    waterfall = merge(TRACE_ID, [[], []], now=START, gaps=[gap])
    assert (waterfall.bars, waterfall.started_at, waterfall.total_ms) == ((), None, 0)
    assert waterfall.gaps == (gap,)
    assert to_json(waterfall)["missing"] == [
        {"service": "delivery", "problem": "could not be reached"}
    ]


def test_ids_are_gathered_once_each_in_the_order_they_came_up() -> None:
    waterfall = a_waterfall(
        an_entry("a", 0, 1, ids={"lead_id": "L1"}),
        an_entry("b", 1, 2, ids={"lead_id": "L1", "workspace_id": "W"}),
        an_entry("c", 2, 3, ids={"lead_id": "L2"}),
    )
    assert waterfall.ids == {"lead_id": ["L1", "L2"], "workspace_id": ["W"]}


@pytest.mark.parametrize(
    ("span", "ms"),
    [
        (timedelta(microseconds=1), 0.001),
        (timedelta(microseconds=1234), 1.234),
        (timedelta(days=1), 86_400_000),
        (timedelta(microseconds=-5), 0),
    ],
)
def test_milliseconds_are_exact_to_the_microsecond(span: timedelta, ms: float) -> None:
    assert to_ms(span) == ms


def test_json_says_everything_of_a_bar() -> None:
    entry = an_entry(
        "delivery attempt",
        0,
        None,
        service="delivery",
        attempt=2,
        outcome="pending",
        ids={"delivery_id": "D"},
        details={"status_code": 503},
        attempt_trace_id="a" * 32,
        linked_trace_ids=("b" * 32,),
    )
    said = to_json(a_waterfall(entry, now=1.5))
    assert said["trace_id"] == TRACE_ID
    assert said["start_time"] == "2026-11-20T12:00:00+00:00"
    assert (said["total_ms"], said["going_on"]) == (1.5, True)
    assert said["bars"] == [
        {
            "service": "delivery",
            "name": "delivery attempt",
            "table": "leads",
            "key": "01931f6e-2c3b-7c11-9e4e-0f6a1c2d3e4f",
            "attempt": 2,
            "start_time": "2026-11-20T12:00:00+00:00",
            "end_time": None,
            "offset_ms": 0,
            "duration_ms": 1.5,
            "waiting": False,
            "going_on": True,
            "outcome": "pending",
            "ids": {"delivery_id": "D"},
            "details": {"status_code": 503},
            "span_id": "00f067aa0ba902b7",
            "attempt_trace_id": "a" * 32,
            "linked_trace_ids": ["b" * 32],
        }
    ]
