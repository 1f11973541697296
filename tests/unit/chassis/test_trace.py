"""Trace contexts: parsed strictly, continued as a child or as a root with links."""

from collections.abc import Iterable
from datetime import timedelta

import pytest

from services.chassis.telemetry import span
from services.chassis.trace import (
    SOON,
    Start,
    TraceContext,
    child_of,
    continue_from,
    current,
    from_otel,
    is_trace_id,
    new_root,
    parse,
    to_otel,
    trace_of_row,
)

TRACE, SPAN = "a" * 32, "b" * 16


def test_a_traceparent_is_read_and_written_alike() -> None:
    for flags, sampled in (("00", False), ("01", True)):
        context = parse(f"00-{TRACE}-{SPAN}-{flags}", "vendor=1")
        assert context == TraceContext(
            trace_id=TRACE, span_id=SPAN, sampled=sampled, tracestate="vendor=1"
        )
        assert context.traceparent == f"00-{TRACE}-{SPAN}-{flags}"
        assert from_otel(to_otel(context)) == context


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "nonsense",
        f"01-{TRACE}-{SPAN}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[1:]}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01\n",
        f" 00-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-extra",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-0g",
    ],
)
def test_a_malformed_traceparent_is_none(text: str | None) -> None:
    assert parse(text) is None


def test_unknown_flags_keep_the_sampled_one() -> None:
    context = parse(f"00-{TRACE}-{SPAN}-ff")
    assert context is not None
    assert context.sampled


def member(number: int, characters: int) -> str:
    return f"vendor{number}=".ljust(characters, "x")


@pytest.mark.parametrize(
    ("members", "kept"),
    [
        ([member(n, 50) for n in range(10)], range(10)),
        ([member(n, 50) for n in range(11)], range(10)),
        ([member(0, 200), *(member(n, 50) for n in range(1, 9))], range(1, 9)),
        ([member(0, 200), member(1, 200), member(2, 200)], [0, 1]),
        ([member(0, 600)], []),
        ([member(0, 512)], [0]),
    ],
    ids=["fits", "last", "lengthy", "last lengthy", "none fits", "just fits"],
)
def test_a_long_tracestate_is_cut_between_members(members: list[str], kept: Iterable[int]) -> None:
    context = parse(f"00-{TRACE}-{SPAN}-01", " , ".join(members))
    assert context is not None
    assert context.tracestate == ",".join(members[number] for number in kept)


@pytest.mark.parametrize(
    ("text", "expected"),
    [(TRACE, True), ("0" * 32, False), (TRACE + "\n", False), (TRACE[1:], False), ("", False),
     (TRACE.upper(), False)],
)  # fmt: skip
def test_a_trace_id_is_32_hex_digits_not_all_zero(text: str, expected: bool) -> None:
    assert is_trace_id(text) is expected


SAVED = TraceContext(trace_id=TRACE, span_id=SPAN, sampled=True)
PREVIOUS = TraceContext(trace_id="c" * 32, span_id="d" * 16)


@pytest.mark.parametrize(
    ("attempt", "waited", "previous", "expected"),
    [
        (1, timedelta(0), None, Start(parent=SAVED)),
        (1, SOON, None, Start(parent=SAVED)),
        (1, SOON + timedelta(microseconds=1), None, Start(parent=None, links=(SAVED,))),
        (2, timedelta(0), None, Start(parent=None, links=(SAVED,))),
        (2, timedelta(0), PREVIOUS, Start(parent=None, links=(SAVED, PREVIOUS))),
        (9, timedelta(hours=9), PREVIOUS, Start(parent=None, links=(SAVED, PREVIOUS))),
    ],
)
def test_saved_work_starts_as_a_child_soon_and_as_a_root_later(
    attempt: int, waited: timedelta, previous: TraceContext | None, expected: Start
) -> None:
    assert continue_from(SAVED, attempt=attempt, waited=waited, previous=previous) == expected


def test_a_late_try_is_not_in_the_saved_trace_and_a_first_one_is() -> None:
    with span("now", start=continue_from(SAVED, attempt=1, waited=timedelta(0))):
        assert current().trace_id == SAVED.trace_id
    with span("late", start=continue_from(SAVED, attempt=2, waited=timedelta(0))):
        assert current().trace_id != SAVED.trace_id


def test_ids_are_new_and_valid() -> None:
    first, second = new_root(), new_root()
    assert first.trace_id != second.trace_id
    assert parse(first.traceparent) == first
    child = child_of(first)
    assert child.trace_id == first.trace_id
    assert child.span_id != first.span_id


def test_without_work_there_is_a_new_root() -> None:
    assert is_trace_id(current().trace_id)
    assert current().trace_id != current().trace_id


def test_a_row_continues_the_trace_in_its_columns() -> None:
    saved = new_root()
    row = {"traceparent": saved.traceparent, "tracestate": "vendor=1"}
    assert trace_of_row(row) == TraceContext(
        trace_id=saved.trace_id, span_id=saved.span_id, tracestate="vendor=1"
    )


def test_a_row_may_hold_other_traces_than_its_own_and_no_tracestate() -> None:
    saved, webhook = new_root(), new_root()
    row = {"traceparent": saved.traceparent, "linked_traceparent": webhook.traceparent}
    assert trace_of_row(row) == saved
    assert trace_of_row(row, "linked_") == webhook


@pytest.mark.parametrize("traceparent", ["", None, "00-nothing", f"00-{'0' * 32}-{SPAN}-00"])
def test_a_rows_malformed_traceparent_is_a_bug(traceparent: str | None) -> None:
    with pytest.raises(ValueError, match="attempt_traceparent is malformed"):
        trace_of_row({"attempt_traceparent": traceparent}, "attempt_")
