"""Leads whose holders were interrupted: routed by themselves, or failed."""

from services.routing.claim_plan import plan_claim
from services.routing.policies import RouterPolicy
from tests.unit.routing.builders import a_claimed_lead

POLICY = RouterPolicy(interruptions_isolated_min=2, interruptions_max=5)


def test_leads_that_were_interrupted_once_are_routed_with_the_others() -> None:
    claims = [a_claimed_lead(), a_claimed_lead(interruptions=1)]
    plan = plan_claim(claims, POLICY)
    assert (plan.batches, plan.returned, plan.interrupted) == ([claims], [], [])


def test_of_leads_that_were_interrupted_more_often_one_is_routed_by_itself_after_the_others() -> (
    None
):
    first, other, second, third = claims = [
        a_claimed_lead(interruptions=2),
        a_claimed_lead(),
        a_claimed_lead(interruptions=4),
        a_claimed_lead(interruptions=2),
    ]
    plan = plan_claim(claims, POLICY)
    assert plan.batches == [[other], [first]]
    assert (plan.returned, plan.interrupted) == ([second, third], [])


def test_each_attempt_may_be_interrupted_up_to_a_bound() -> None:
    over = [a_claimed_lead(interruptions=5), a_claimed_lead(attempt=2, interruptions=10)]
    within = [a_claimed_lead(attempt=2, interruptions=5)]
    plan = plan_claim([*over, *within], POLICY)
    assert (plan.interrupted, plan.batches) == (over, [within])
