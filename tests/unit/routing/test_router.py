"""Attempts, each in a span of its own; what was interrupted, sorted out."""

from datetime import timedelta

from services.chassis.trace import new_root
from services.routing.matching import undecided
from services.routing.router import RouterPolicy, attempt, sort_out
from tests.unit.routing.builders import a_held_lead

POLICY = RouterPolicy(interruptions_alone=2, interruptions_max=5)
ANY = undecided("NO_MATCH")


def test_the_first_attempt_soon_is_a_child_of_the_leads_trace() -> None:
    held = a_held_lead()
    made = attempt(held, ANY)
    assert made.trace.trace_id == held.trace.trace_id
    assert made.trace.span_id != held.trace.span_id


def test_a_retry_is_a_root_of_its_own() -> None:
    held = a_held_lead(attempt=2, previous=new_root())
    assert attempt(held, ANY).trace.trace_id != held.trace.trace_id


def test_a_late_first_attempt_is_a_root_of_its_own() -> None:
    held = a_held_lead(waited=timedelta(hours=1))
    assert attempt(held, ANY).trace.trace_id != held.trace.trace_id


def test_leads_that_were_interrupted_once_are_routed_with_the_others() -> None:
    held = [a_held_lead(), a_held_lead(interruptions=1)]
    sorted_out = sort_out(held, POLICY)
    assert (sorted_out.batches, sorted_out.returned, sorted_out.given_up) == ([held], [], [])


def test_of_leads_that_were_interrupted_more_often_one_is_routed_alone_after_the_others() -> None:
    first, other, second, third = held = [
        a_held_lead(interruptions=2),
        a_held_lead(),
        a_held_lead(interruptions=4),
        a_held_lead(interruptions=2),
    ]
    sorted_out = sort_out(held, POLICY)
    assert sorted_out.batches == [[other], [first]]
    assert (sorted_out.returned, sorted_out.given_up) == ([second, third], [])


def test_each_attempt_may_be_interrupted_so_often() -> None:
    over = [a_held_lead(interruptions=5), a_held_lead(attempt=2, interruptions=10)]
    within = [a_held_lead(attempt=2, interruptions=5)]
    sorted_out = sort_out([*over, *within], POLICY)
    assert (sorted_out.given_up, sorted_out.batches) == (over, [within])
