"""The waterfall as it is drawn."""

from io import StringIO

import pytest
from rich.console import Console

from services.console.records import record_lines
from services.console.waterfall import Gap, Waterfall
from services.console.waterfall_view import render_waterfall, span, track
from tests.unit.console.builders import TRACE_ID, a_waterfall, an_entry


def drawn(waterfall: Waterfall, width: int = 120) -> str:
    console = Console(file=StringIO(), width=width, highlight=False)
    console.print(render_waterfall(waterfall))
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def line_of(text: str, name: str) -> str:
    return next(line for line in text.splitlines() if f" {name} " in line)


@pytest.mark.parametrize(
    ("offset", "duration", "cells"),
    [
        (0, 100, (0, 10)),  # all of it
        (0, 50, (0, 5)),
        (50, 50, (5, 5)),
        (0, 0, (0, 1)),  # a moment is seen
        (100, 0, (9, 1)),  # also at the very end
        (99.9, 0.1, (9, 1)),  # too short for a cell, still seen
        (33, 34, (3, 4)),
    ],
)
def test_bars_stay_on_the_axis_and_are_always_seen(
    offset: float, duration: float, cells: tuple[int, int]
) -> None:
    assert span(offset, duration, 100, 10) == cells


def test_bars_of_a_trace_that_took_no_time_are_seen() -> None:
    assert span(0, 0, 0, 10) == (0, 1)


def test_work_waits_moments_and_what_goes_on_are_drawn_differently() -> None:
    work, wait, moment, going_on = a_waterfall(
        an_entry("work", 0, 50),
        an_entry("wait", 50, 100, waiting=True),
        an_entry("moment", 50, 50),
        an_entry("waiting", 60, None, waiting=True),
        now=100,
    ).bars
    assert track(work, 100, 10) == "█████     "
    assert track(wait, 100, 10) == "     ░░░░░"
    assert track(moment, 100, 10) == "     ▪    "
    assert track(going_on, 100, 10) == "      ░░░▸"


def test_a_line_has_service_name_offset_duration_and_outcome() -> None:
    entries = (
        an_entry("store", 0, 12),
        an_entry("decide", 12, 1512, service="routing", outcome="routed", attempt=2),
    )
    text = drawn(a_waterfall(*entries))
    line = line_of(text, "decide")
    assert line.startswith("routing ")
    assert line.split()[1:3] == ["decide", "#2"]
    assert "+12.0 ms" in line
    assert "1.50 s" in line
    assert line.rstrip().endswith("routed")
    assert text.startswith(f"trace {TRACE_ID}  2026-11-20 12:00:00.000Z  1.51 s\n")


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
def test_every_bar_is_one_line_that_fits_the_console(width: int) -> None:
    entries = [an_entry(f"handoff delivery.offer_leads {i}", i, i + 9) for i in range(5)]
    lines = [line for line in drawn(a_waterfall(*entries), width).splitlines() if "handoff" in line]
    assert len(lines) == 5
    assert all(len(line) <= width for line in lines)


def test_a_decision_names_each_candidate_and_its_first_failing_predicate() -> None:
    entry = an_entry(
        "routing attempt",
        0,
        1,
        details={
            "rule_version": 3,
            "candidates": [
                {
                    "rule_id": "R1",
                    "rule_version": 1,
                    "result": "failed",
                    "failing_predicate": 'lead.type == "order"',
                },
                {"rule_id": "R2", "rule_version": 3, "result": "matched", "failing_predicate": ""},
            ],
        },
    )
    assert record_lines(entry) == [
        'rule R1 v1 failed: lead.type == "order"',
        "rule R2 v3 matched",
        "rule_version 3",
    ]
    assert 'rule R1 v1 failed: lead.type == "order"' in drawn(a_waterfall(entry))


def test_a_ledger_transaction_names_what_it_moved() -> None:
    entry = an_entry(
        "credit hold",
        0,
        0,
        details={
            "entries": [
                {"account": "available", "amount": -1, "balance_after": 9},
                {"account": "held", "amount": 1, "balance_after": 1},
            ]
        },
    )
    assert record_lines(entry) == ["available -1, then 9", "held +1, then 1"]


def test_traces_that_lead_further_are_named() -> None:
    entry = an_entry("retry", 0, 1, attempt_trace_id="a" * 32, linked_trace_ids=("b" * 32,))
    assert record_lines(entry) == [
        f"in a trace of its own: {'a' * 32}",
        f"linked to trace {'b' * 32}",
    ]


def test_a_missing_part_is_said_plainly() -> None:
    gap = Gap(service="delivery", problem="delivery could not be reached at 127.0.0.1:1.")
    text = drawn(a_waterfall(an_entry("store", 0, 1), gaps=[gap]))
    assert "the part of delivery is missing: delivery could not be reached at 127.0.0.1:1." in text


def test_what_goes_on_is_said_in_the_head() -> None:
    assert "and going on" in drawn(a_waterfall(an_entry("wait", 0, None), now=5)).splitlines()[0]


def test_nothing_that_a_row_says_steers_the_terminal_or_is_taken_for_markup() -> None:
    entry = an_entry("[red]x[/red]", 0, 1, outcome="\x1b[2J", details={"error": "\x9b31m\r\n"})
    text = drawn(a_waterfall(entry))
    assert "[red]x[/red]" in text
    assert not {"\x1b", "\x9b", "\r"} & set(text)
