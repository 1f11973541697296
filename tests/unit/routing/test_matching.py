"""The first rule that matches wins, and the record says why the others did not."""

from services.routing.facts import facts_of
from services.routing.matching import candidates_json, decide
from tests.unit.routing.builders import a_lead, a_rule

FACTS = facts_of(a_lead())


def test_the_first_rule_that_matches_wins_and_later_ones_are_not_looked_at() -> None:
    rules = [a_rule('lead.type == "quote"'), a_rule("lead.has_phone"), a_rule("true")]
    decision = decide(FACTS, rules)
    assert decision.outcome == "routed"
    assert decision.matched == rules[1]
    assert [candidate.result for candidate in decision.candidates] == ["failed", "matched"]


def test_a_rule_that_fails_on_the_lead_is_skipped_and_named() -> None:
    rules = [a_rule('lead.answers["size"][0] == "L"'), a_rule("true")]
    decision = decide(FACTS, rules)
    assert decision.matched == rules[1]
    assert candidates_json(decision.candidates)[0] == {
        "rule_id": str(rules[0].rule_id),
        "rule_version": 1,
        "result": "error",
        "failing_predicate": 'NOT_FOUND: lead.answers["size"][0] == "L"',
    }


def test_a_rule_that_compiles_no_more_is_skipped_and_named() -> None:
    decision = decide(FACTS, [a_rule("lead.gone"), a_rule("true")])
    assert decision.outcome == "routed"
    assert decision.candidates[0].result == "error"
    assert decision.candidates[0].failing_predicate.startswith("1:5: undeclared reference")


def test_without_a_match_the_lead_stays() -> None:
    decision = decide(FACTS, [a_rule("false")])
    assert (decision.outcome, decision.matched, decision.error) == ("no_match", None, "NO_MATCH")


def test_without_rules_nothing_matches() -> None:
    assert decide(FACTS, []).outcome == "no_match"


def test_without_a_match_a_rule_that_failed_makes_it_an_error() -> None:
    decision = decide(FACTS, [a_rule('lead.consents["x"]'), a_rule("false")])
    assert (decision.outcome, decision.error) == ("error", "RULES_FAILED")
