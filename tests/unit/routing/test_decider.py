"""Leads are decided without the rules that time out, and no org takes the time of the others."""

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest

from services.routing.decider import (
    BATCH_TIMEOUTS_MAX,
    TIMEOUTS_MAX,
    TIMEOUTS_SECONDS,
    Decider,
    RecentTimeouts,
)
from services.routing.records import Lead, Rule
from services.routing.rule_evaluator.client import TimedOut
from services.routing.rule_evaluator.protocol import EvaluationRequest, Request, ResponsePart
from tests.unit.routing.builders import InProcessEvaluator, a_lead, a_rule

COSTLY = "costly || true"


class FrailEvaluator(InProcessEvaluator):
    """Ends whenever it comes to a rule with the costly condition."""

    def __init__(self) -> None:
        self.timeouts = 0

    async def call(
        self, request: Request, receive: Callable[[ResponsePart], None]
    ) -> TimedOut | None:
        """The leads up to the first that meets the costly rule, then the timeout."""
        assert isinstance(request, EvaluationRequest)
        for org in request.orgs:
            for rule, condition in enumerate(org.conditions):
                for lead in org.leads:
                    if condition == COSTLY and rule not in lead.timed_out:
                        self.timeouts += 1
                        return TimedOut(lead=lead.number, rule=rule)
        return await super().call(request, receive)


async def decided(
    evaluator: InProcessEvaluator, leads: list[Lead], rule_sets: dict[UUID, list[Rule]]
) -> list[tuple[str, str]]:
    decisions = await Decider(evaluator).decide(leads, rule_sets, seconds_max=60)
    return [(decisions[lead.lead_id].outcome, decisions[lead.lead_id].error) for lead in leads]


async def test_each_lead_meets_its_own_orgs_rules() -> None:
    ours, theirs = a_lead(), a_lead()
    rule_sets = {ours.org_id: [a_rule()], theirs.org_id: []}
    assert await decided(InProcessEvaluator(), [ours, theirs], rule_sets) == [
        ("routed", ""),
        ("no_match", "NO_MATCH"),
    ]


async def test_a_batch_out_of_time_decides_one_lead_at_least() -> None:
    org_id = uuid4()
    leads = [a_lead(org_id=org_id) for _ in range(3)]
    decisions = await Decider(InProcessEvaluator()).decide(
        leads, {org_id: [a_rule()]}, seconds_max=-1
    )
    assert decisions.keys() == {leads[0].lead_id}


async def test_a_rule_that_times_out_is_skipped_on_that_lead_and_named() -> None:
    lead, rules = a_lead(), [a_rule(COSTLY), a_rule("lead.has_phone")]
    decisions = await Decider(FrailEvaluator()).decide([lead], {lead.org_id: rules}, seconds_max=60)
    decision = decisions[lead.lead_id]
    assert decision.matched == rules[1]
    timed_out = decision.candidates[0]
    assert (timed_out.rule, timed_out.result) == (rules[0], "error")
    assert timed_out.failing_predicate.startswith("OVERRAN: it took more time or memory")


async def test_an_org_whose_rules_time_out_too_often_is_not_evaluated_and_others_are() -> None:
    costly_org, other = uuid4(), a_lead()
    leads = [a_lead(org_id=costly_org) for _ in range(TIMEOUTS_MAX + 5)]
    rule_sets = {costly_org: [a_rule(COSTLY)], other.org_id: [a_rule()]}
    evaluator = FrailEvaluator()
    decisions = await decided(evaluator, [*leads, other], rule_sets)
    assert decisions[-1] == ("routed", "")
    assert evaluator.timeouts == TIMEOUTS_MAX
    assert {error for _, error in decisions[:-1]} <= {"RULES_FAILED", "RULES_OVERRAN"}
    assert decisions[-2] == ("error", "RULES_OVERRAN")


async def test_a_lead_whose_org_is_not_evaluated_names_the_rules_that_timed_out_on_it() -> None:
    lead, rules = a_lead(), [a_rule("false"), *[a_rule(COSTLY) for _ in range(TIMEOUTS_MAX)]]
    decisions = await Decider(FrailEvaluator()).decide([lead], {lead.org_id: rules}, seconds_max=60)
    decision = decisions[lead.lead_id]
    assert (decision.outcome, decision.error) == ("error", "RULES_OVERRAN")
    assert [candidate.rule for candidate in decision.candidates] == rules[1:]
    assert {candidate.result for candidate in decision.candidates} == {"error"}


async def test_a_batch_in_which_too_many_orgs_time_out_ends_and_the_next_goes_on() -> None:
    leads = [a_lead() for _ in range(BATCH_TIMEOUTS_MAX)]
    rule_sets = {lead.org_id: [a_rule(COSTLY) for _ in range(TIMEOUTS_MAX)] for lead in leads}
    evaluator = FrailEvaluator()
    decider = Decider(evaluator)
    decided: set[UUID] = set()
    for batch in range(TIMEOUTS_MAX + 1):
        assert evaluator.timeouts <= batch * BATCH_TIMEOUTS_MAX
        decided |= (await decider.decide(leads, rule_sets, seconds_max=60)).keys()
    assert decided == {lead.lead_id for lead in leads}


async def test_a_rule_that_no_longer_compiles_is_skipped_and_named() -> None:
    lead, rules = a_lead(), [a_rule("lead.gone"), a_rule("true")]
    decisions = await Decider(InProcessEvaluator()).decide(
        [lead], {lead.org_id: rules}, seconds_max=60
    )
    decision = decisions[lead.lead_id]
    assert decision.matched == rules[1]
    assert decision.candidates[0].result == "error"
    assert decision.candidates[0].failing_predicate.startswith("REFUSED: 1:5: undeclared")


@pytest.mark.parametrize(
    ("timeouts", "seconds_later", "too_many"),
    [
        (TIMEOUTS_MAX - 1, 0, False),
        (TIMEOUTS_MAX, 0, True),
        (TIMEOUTS_MAX, TIMEOUTS_SECONDS - 1, True),
        (TIMEOUTS_MAX, TIMEOUTS_SECONDS, False),
    ],
)
def test_timeouts_count_for_a_while(timeouts: int, seconds_later: float, too_many: bool) -> None:
    now = 1000.0
    counted, org_id = RecentTimeouts(lambda: now), uuid4()
    for _ in range(timeouts):
        counted.note(org_id)
    now += seconds_later
    assert counted.too_many(org_id) is too_many
    assert not counted.too_many(uuid4())


def test_timeouts_of_long_ago_are_forgotten() -> None:
    now = 1000.0
    counted = RecentTimeouts(lambda: now)
    counted.note(uuid4())
    now += TIMEOUTS_SECONDS
    counted.note(uuid4())
    assert len(counted) == 1
