"""Which rule takes a lead: in order, the first whose condition is true."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal
from uuid import UUID

from services.routing.hearings import Verdict

Outcome = Literal["routed", "no_match", "error"]
Result = Literal["matched", "failed", "error"]
NO_MATCH_ERROR: Final = "NO_MATCH"
RULES_FAILED_ERROR: Final = "RULES_FAILED"
RULES_OVERRAN_ERROR: Final = "RULES_OVERRAN"
INTERRUPTED_ERROR: Final = "INTERRUPTED"


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
    else "no_match"; `error` is why it stays, for `routing_error`.
    """

    outcome: Outcome
    matched: Rule | None
    candidates: tuple[Candidate, ...]
    error: str = ""


def decide(rules: Sequence[Rule], verdicts: Sequence[Verdict]) -> Decision:
    """The first of the rules, which come in order, that matches; one that fails is skipped.

    There is a verdict on each of them, up to the one that matches.
    """
    looked_at = candidates(rules, verdicts)
    for candidate in looked_at:
        if candidate.result == "matched":
            return Decision(outcome="routed", matched=candidate.rule, candidates=looked_at)
    if any(candidate.result == "error" for candidate in looked_at):
        return undecided(RULES_FAILED_ERROR, looked_at)
    return Decision(outcome="no_match", matched=None, candidates=looked_at, error=NO_MATCH_ERROR)


def undecided(error: str, candidates: tuple[Candidate, ...] = ()) -> Decision:
    """The lead stays, and not because no rule takes it."""
    return Decision(outcome="error", matched=None, candidates=candidates, error=error)


def candidates(rules: Sequence[Rule], verdicts: Sequence[Verdict]) -> tuple[Candidate, ...]:
    """Each rule with what came of it, as far as there are verdicts."""
    return tuple(map(_candidate, rules, verdicts))


def _candidate(rule: Rule, verdict: Verdict) -> Candidate:
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
