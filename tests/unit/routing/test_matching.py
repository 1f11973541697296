"""The first rule that matches wins, and the record says why the others did not."""

from collections.abc import Sequence

from services.routing.matching import candidates_json, decide, undecided
from services.routing.records import Decision
from services.routing.rule_evaluator.protocol import RuleResult
from tests.unit.routing.builders import a_rule

MATCHED = RuleResult(matched=True)
FAILED = RuleResult(matched=False, failing_predicate="false")
BROKEN = RuleResult(matched=False, failing_predicate='lead.consents["x"]', error="NOT_FOUND")


def decision_on(*results: RuleResult, more_rules: int = 0) -> Decision:
    return decide([a_rule() for _ in range(len(results) + more_rules)], results)


def candidate_results(decision: Decision) -> Sequence[str]:
    return [candidate.result for candidate in decision.candidates]


def test_the_first_rule_that_matches_wins_and_later_ones_are_not_looked_at() -> None:
    decision = decision_on(FAILED, MATCHED, more_rules=1)
    assert (decision.outcome, decision.error) == ("routed", "")
    assert decision.matched == decision.candidates[1].rule
    assert candidate_results(decision) == ["failed", "matched"]


def test_a_rule_that_fails_on_the_lead_is_skipped_and_named() -> None:
    decision = decision_on(BROKEN, MATCHED)
    assert decision.matched == decision.candidates[1].rule
    assert candidates_json(decision.candidates)[0] == {
        "rule_id": str(decision.candidates[0].rule.rule_id),
        "rule_version": 1,
        "result": "error",
        "failing_predicate": 'NOT_FOUND: lead.consents["x"]',
    }


def test_without_a_match_the_lead_stays() -> None:
    decision = decision_on(FAILED)
    assert (decision.outcome, decision.matched, decision.error) == ("no_match", None, "NO_MATCH")


def test_without_rules_nothing_matches() -> None:
    assert decision_on().outcome == "no_match"


def test_without_a_match_a_rule_that_failed_makes_it_an_error() -> None:
    decision = decision_on(BROKEN, FAILED)
    assert (decision.outcome, decision.error) == ("error", "RULES_FAILED")


def test_what_was_not_asked_is_an_error_without_candidates() -> None:
    decision = undecided("RULES_OVERRAN")
    assert (decision.outcome, decision.matched, decision.candidates) == ("error", None, ())
    assert decision.error == "RULES_OVERRAN"
