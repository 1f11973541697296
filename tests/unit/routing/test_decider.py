"""Leads are decided without the rules that overrun, and no org takes the time of the others."""

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest

from services.routing.decider import (
    BATCH_OVERRUNS_MAX,
    OVERRUNS_MAX,
    OVERRUNS_SECONDS,
    Decider,
    Overruns,
)
from services.routing.hearings import Answer, Hearing, Request
from services.routing.judging import Overrun
from services.routing.leads import Lead
from services.routing.matching import Rule
from tests.unit.routing.builders import NearJudge, a_lead, a_rule

COSTLY = "costly || true"


class FrailJudge(NearJudge):
    """Ends whenever it comes to a rule with the costly condition."""

    def __init__(self) -> None:
        self.overruns = 0

    async def ask(self, request: Request, take: Callable[[Answer], None]) -> Overrun | None:
        """The cases up to the first that meets the costly rule, then the overrun."""
        assert isinstance(request, Hearing)
        for docket in request.dockets:
            for rule, condition in enumerate(docket.conditions):
                for case in docket.cases:
                    if condition == COSTLY and rule not in case.overran:
                        self.overruns += 1
                        return Overrun(case=case.number, rule=rule)
        return await super().ask(request, take)


async def decided(
    judge: NearJudge, leads: list[Lead], rule_sets: dict[UUID, list[Rule]]
) -> list[tuple[str, str]]:
    decisions = await Decider(judge).decide(leads, rule_sets, seconds_max=60)
    return [(decisions[lead.lead_id].outcome, decisions[lead.lead_id].error) for lead in leads]


async def test_each_lead_meets_its_own_orgs_rules() -> None:
    ours, theirs = a_lead(), a_lead()
    rule_sets = {ours.org_id: [a_rule()], theirs.org_id: []}
    assert await decided(NearJudge(), [ours, theirs], rule_sets) == [
        ("routed", ""),
        ("no_match", "NO_MATCH"),
    ]


async def test_a_batch_out_of_time_decides_one_lead_at_least() -> None:
    org_id = uuid4()
    leads = [a_lead(org_id=org_id) for _ in range(3)]
    decisions = await Decider(NearJudge()).decide(leads, {org_id: [a_rule()]}, seconds_max=-1)
    assert decisions.keys() == {leads[0].lead_id}


async def test_a_rule_that_overruns_is_skipped_on_that_lead_and_named() -> None:
    lead, rules = a_lead(), [a_rule(COSTLY), a_rule("lead.has_phone")]
    decisions = await Decider(FrailJudge()).decide([lead], {lead.org_id: rules}, seconds_max=60)
    decision = decisions[lead.lead_id]
    assert decision.matched == rules[1]
    overran = decision.candidates[0]
    assert (overran.rule, overran.result) == (rules[0], "error")
    assert overran.failing_predicate.startswith("OVERRAN: it took more time or memory")


async def test_an_org_whose_rules_overrun_too_often_is_not_judged_and_others_are() -> None:
    costly_org, other = uuid4(), a_lead()
    leads = [a_lead(org_id=costly_org) for _ in range(OVERRUNS_MAX + 5)]
    rule_sets = {costly_org: [a_rule(COSTLY)], other.org_id: [a_rule()]}
    judge = FrailJudge()
    decisions = await decided(judge, [*leads, other], rule_sets)
    assert decisions[-1] == ("routed", "")
    assert judge.overruns == OVERRUNS_MAX
    assert {error for _, error in decisions[:-1]} <= {"RULES_FAILED", "RULES_OVERRAN"}
    assert decisions[-2] == ("error", "RULES_OVERRAN")


async def test_a_lead_whose_org_is_no_longer_judged_keeps_what_overran_on_it() -> None:
    lead, rules = a_lead(), [a_rule("false"), *[a_rule(COSTLY) for _ in range(OVERRUNS_MAX)]]
    decisions = await Decider(FrailJudge()).decide([lead], {lead.org_id: rules}, seconds_max=60)
    decision = decisions[lead.lead_id]
    assert (decision.outcome, decision.error) == ("error", "RULES_OVERRAN")
    assert [candidate.rule for candidate in decision.candidates] == rules[1:]
    assert {candidate.result for candidate in decision.candidates} == {"error"}


async def test_a_batch_in_which_too_many_orgs_overrun_ends_and_the_next_goes_on() -> None:
    leads = [a_lead() for _ in range(BATCH_OVERRUNS_MAX)]
    rule_sets = {lead.org_id: [a_rule(COSTLY) for _ in range(OVERRUNS_MAX)] for lead in leads}
    judge = FrailJudge()
    decider = Decider(judge)
    decided: set[UUID] = set()
    for turn in range(OVERRUNS_MAX + 1):
        assert judge.overruns <= turn * BATCH_OVERRUNS_MAX
        decided |= (await decider.decide(leads, rule_sets, seconds_max=60)).keys()
    assert decided == {lead.lead_id for lead in leads}


async def test_a_rule_that_compiles_no_more_is_skipped_and_named() -> None:
    lead, rules = a_lead(), [a_rule("lead.gone"), a_rule("true")]
    decisions = await Decider(NearJudge()).decide([lead], {lead.org_id: rules}, seconds_max=60)
    decision = decisions[lead.lead_id]
    assert decision.matched == rules[1]
    assert decision.candidates[0].result == "error"
    assert decision.candidates[0].failing_predicate.startswith("REFUSED: 1:5: undeclared")


@pytest.mark.parametrize(
    ("overruns", "seconds_later", "too_many"),
    [
        (OVERRUNS_MAX - 1, 0, False),
        (OVERRUNS_MAX, 0, True),
        (OVERRUNS_MAX, OVERRUNS_SECONDS - 1, True),
        (OVERRUNS_MAX, OVERRUNS_SECONDS, False),
    ],
)
def test_overruns_count_for_a_while(overruns: int, seconds_later: float, too_many: bool) -> None:
    now = 1000.0
    counted, org_id = Overruns(lambda: now), uuid4()
    for _ in range(overruns):
        counted.note(org_id)
    now += seconds_later
    assert counted.too_many(org_id) is too_many
    assert not counted.too_many(uuid4())


def test_overruns_of_long_ago_are_forgotten() -> None:
    now = 1000.0
    counted = Overruns(lambda: now)
    counted.note(uuid4())
    now += OVERRUNS_SECONDS
    counted.note(uuid4())
    assert len(counted) == 1
