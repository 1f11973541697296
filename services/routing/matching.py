"""Which rule takes a lead: in order, the first whose condition is true."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal
from uuid import UUID

from services.routing.conditions import ConditionRefused, Verdict, compile_condition, judge

Outcome = Literal["routed", "no_match", "error"]
Result = Literal["matched", "failed", "error"]
NO_MATCH_ERROR: Final = "NO_MATCH"
RULES_FAILED_ERROR: Final = "RULES_FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One version of a rule, and the workspace that gets what it matches."""

    rule_id: UUID
    version: int
    workspace_id: UUID
    condition: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A rule that was looked at, and the first predicate that was not true."""

    rule: Rule
    result: Result
    failing_predicate: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Where a lead goes and every rule that was looked at; `matched` is None where it stays.

    Without a match the outcome is "error" when a rule failed on the lead (it might have matched),
    else "no_match".
    """

    outcome: Outcome
    matched: Rule | None
    candidates: tuple[Candidate, ...]

    @property
    def error(self) -> str:
        """Why it stays, for `routing_error`."""
        return RULES_FAILED_ERROR if self.outcome == "error" else NO_MATCH_ERROR


def decide(facts: dict[str, Any], rules: Sequence[Rule]) -> Decision:
    """The first of the rules, which come in order, that matches; one that fails is skipped."""
    candidates: list[Candidate] = []
    for rule in rules:
        candidate = _look_at(rule, facts)
        candidates.append(candidate)
        if candidate.result == "matched":
            return Decision(outcome="routed", matched=rule, candidates=tuple(candidates))
    failed = any(candidate.result == "error" for candidate in candidates)
    outcome: Outcome = "error" if failed else "no_match"
    return Decision(outcome=outcome, matched=None, candidates=tuple(candidates))


def _look_at(rule: Rule, facts: dict[str, Any]) -> Candidate:
    try:
        verdict = judge(compile_condition(rule.condition), facts)
    except ConditionRefused as refused:
        # It compiled when it was written; another version of the engine may see it otherwise.
        return Candidate(rule=rule, result="error", failing_predicate=str(refused))
    if verdict.matched:
        return Candidate(rule=rule, result="matched")
    return Candidate(rule=rule, result=_result(verdict), failing_predicate=_reason(verdict))


def _result(verdict: Verdict) -> Result:
    return "error" if verdict.error else "failed"


def _reason(verdict: Verdict) -> str:
    if not verdict.error:
        return verdict.failing_predicate
    return f"{verdict.error}: {verdict.failing_predicate}"


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
