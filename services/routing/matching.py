"""Which rule takes a lead: in order, the first whose condition is true."""

from collections.abc import Sequence
from typing import Any, Final

from services.routing.facts import inputs_of
from services.routing.records import Candidate, CandidateResult, Decision, Lead, Rule
from services.routing.rule_evaluator.protocol import RuleResult

NO_MATCH_ERROR: Final = "NO_MATCH"
RULES_FAILED_ERROR: Final = "RULES_FAILED"
RULES_OVERRAN_ERROR: Final = "RULES_OVERRAN"
INTERRUPTED_ERROR: Final = "INTERRUPTED"


def decide(rules: Sequence[Rule], results: Sequence[RuleResult]) -> Decision:
    """The first of the rules, which come in order, that matches; one that fails is skipped.

    There is a result for each of them, up to the one that matches.
    """
    looked_at = candidates(rules, results)
    for candidate in looked_at:
        if candidate.result == "matched":
            return Decision(outcome="routed", matched=candidate.rule, candidates=looked_at)
    if any(candidate.result == "error" for candidate in looked_at):
        return undecided(RULES_FAILED_ERROR, looked_at)
    return Decision(outcome="no_match", matched=None, candidates=looked_at, error=NO_MATCH_ERROR)


def undecided(error: str, candidates: tuple[Candidate, ...] = ()) -> Decision:
    """The lead stays, for another reason than that no rule matches."""
    return Decision(outcome="error", matched=None, candidates=candidates, error=error)


def candidates(rules: Sequence[Rule], results: Sequence[RuleResult]) -> tuple[Candidate, ...]:
    """Each rule with its result, as far as there are results."""
    return tuple(map(_candidate, rules, results))


def _candidate(rule: Rule, result: RuleResult) -> Candidate:
    if result.matched:
        return Candidate(rule=rule, result="matched")
    return Candidate(
        rule=rule, result=_candidate_result(result), failing_predicate=_failing_predicate(result)
    )


def _candidate_result(result: RuleResult) -> CandidateResult:
    return "error" if result.error else "failed"


def _failing_predicate(result: RuleResult) -> str:
    if not result.error:
        return result.failing_predicate
    return f"{result.error}: {result.failing_predicate}"


def decision_record(lead: Lead, decision: Decision) -> dict[str, Any]:
    """What the decision rests on, without personal data."""
    return {"candidates": candidates_json(decision.candidates), "inputs": inputs_of(lead)}


def candidates_json(candidates: Sequence[Candidate]) -> list[dict[str, Any]]:
    """The candidates as the decision record keeps them."""
    return [
        {
            "rule_id": str(candidate.rule.rule_id),
            "rule_version": candidate.rule.version,
            "result": candidate.result,
            "failing_predicate": candidate.failing_predicate,
        }
        for candidate in candidates
    ]
