"""Each decision has a span of its own."""

from datetime import timedelta

from services.chassis.trace import new_root
from services.routing.matching import undecided
from services.routing.router import traced
from tests.unit.routing.builders import a_claimed_lead

ANY = undecided("NO_MATCH")


def test_the_first_attempt_soon_is_a_child_of_the_leads_trace() -> None:
    claimed = a_claimed_lead()
    made = traced(claimed, ANY)
    assert made.trace.trace_id == claimed.trace.trace_id
    assert made.trace.span_id != claimed.trace.span_id


def test_a_retry_is_a_root_of_its_own() -> None:
    claimed = a_claimed_lead(attempt=2, previous=new_root())
    assert traced(claimed, ANY).trace.trace_id != claimed.trace.trace_id


def test_a_late_first_attempt_is_a_root_of_its_own() -> None:
    claimed = a_claimed_lead(waited=timedelta(hours=1))
    assert traced(claimed, ANY).trace.trace_id != claimed.trace.trace_id
