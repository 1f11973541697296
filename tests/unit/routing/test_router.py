"""Attempts: decided in order, each in a span of its own, bounded in time."""

from datetime import timedelta

from services.chassis.trace import new_root
from services.routing.router import attempted
from tests.unit.routing.builders import a_held_lead, a_lead, a_rule


async def test_the_first_attempt_soon_is_a_child_of_the_leads_trace() -> None:
    held = a_held_lead()
    (attempt,) = await attempted([held], {held.lead.org_id: [a_rule()]}, seconds_max=5)
    assert attempt.trace.trace_id == held.trace.trace_id
    assert attempt.trace.span_id != held.trace.span_id


async def test_a_retry_is_a_root_of_its_own() -> None:
    held = a_held_lead(attempt=2, previous=new_root())
    (attempt,) = await attempted([held], {held.lead.org_id: []}, seconds_max=5)
    assert attempt.trace.trace_id != held.trace.trace_id


async def test_a_late_first_attempt_is_a_root_of_its_own() -> None:
    held = a_held_lead(waited=timedelta(hours=1))
    (attempt,) = await attempted([held], {held.lead.org_id: []}, seconds_max=5)
    assert attempt.trace.trace_id != held.trace.trace_id


async def test_each_lead_meets_its_own_orgs_rules() -> None:
    ours, theirs = a_held_lead(), a_held_lead(a_lead())
    rule = a_rule()
    rule_sets = {ours.lead.org_id: [rule], theirs.lead.org_id: []}
    attempts = await attempted([ours, theirs], rule_sets, seconds_max=5)
    assert [attempt.decision.matched for attempt in attempts] == [rule, None]


async def test_a_batch_out_of_time_decides_one_lead_at_least() -> None:
    leads = [a_held_lead() for _ in range(3)]
    rule_sets = {held.lead.org_id: [a_rule()] for held in leads}
    attempts = await attempted(leads, rule_sets, seconds_max=-1)
    assert [attempt.held for attempt in attempts] == leads[:1]
