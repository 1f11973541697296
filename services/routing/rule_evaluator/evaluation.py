"""How the evaluator answers a request: leads within their orgs' shares of the time, dry runs.

Every lead and every dry run has its CPU time, after which the kernel ends the process; `Progress`
tells the client which rule it was at.
"""

import signal
import time
from collections.abc import Callable, Sequence
from typing import Final

from services.routing.rule_evaluator.conditions import (
    Condition,
    ConditionRefused,
    activation,
    compile_condition,
    evaluate,
    evaluate_all,
    require_working_constants,
)
from services.routing.rule_evaluator.protocol import (
    OVERRAN,
    ConditionProblem,
    DryRunRequest,
    EvaluationRequest,
    EvaluatorLimits,
    LeadInput,
    LeadResult,
    Progress,
    ResponsePart,
    RuleResult,
)

# Results are sent after so long: more is not lost with the process.
_SEND_EVERY_SECONDS: Final = 0.02

Send = Callable[[ResponsePart], None]


def dry_run(request: DryRunRequest, limits: EvaluatorLimits, progress: Progress) -> ResponsePart:
    """Evaluates every part of a new condition; the response says why it is refused, if it is."""
    progress.write(0, 0)
    _limit_cpu(limits.dry_run_cpu_seconds)
    try:
        evaluate_all(compile_condition(request.condition), activation(request.facts))
        _limit_cpu(limits.dry_run_cpu_seconds)
        require_working_constants(request.condition)
    except ConditionRefused as refused:
        problem = ConditionProblem(
            problem=refused.problem, line=refused.line, column=refused.column
        )
        return ResponsePart(problem=problem)
    finally:
        _limit_cpu(0)
    return ResponsePart()


def evaluate_leads(
    request: EvaluationRequest, limits: EvaluatorLimits, progress: Progress, send: Send
) -> None:
    """Evaluates leads, each org's within its share of the time; sends the results in parts."""
    results: list[LeadResult] = []
    sent_at = time.monotonic()
    end = sent_at + request.seconds_max
    is_first = True
    for number, org in enumerate(request.orgs):
        if time.monotonic() > end and not is_first:
            break
        conditions = _compiled(org.conditions, org.leads[0], limits, progress)
        now = time.monotonic()
        # What one org leaves of its share is shared by those that come after it.
        share_end = now + (end - now) / (len(request.orgs) - number)
        for lead in org.leads:
            if (now := time.monotonic()) > share_end and not is_first:
                break
            is_first = False
            if now - sent_at > _SEND_EVERY_SECONDS:
                send(ResponsePart(leads=results, is_last=False))
                results, sent_at = [], now
            _limit_cpu(limits.lead_cpu_seconds)
            results.append(
                LeadResult(number=lead.number, results=_rule_results(lead, conditions, progress))
            )
    _limit_cpu(0)
    send(ResponsePart(leads=results))


def _compiled(
    texts: Sequence[str], lead: LeadInput, limits: EvaluatorLimits, progress: Progress
) -> list[Condition | RuleResult]:
    """The conditions, from a cache after the org's first lead; a result where one is refused."""
    conditions: list[Condition | RuleResult] = []
    for rule, text in enumerate(texts):
        progress.write(lead.number, rule)
        _limit_cpu(limits.lead_cpu_seconds)
        try:
            conditions.append(compile_condition(text))
        except ConditionRefused as refused:
            # It compiled when it was written; another version of the engine may refuse it.
            conditions.append(
                RuleResult(matched=False, failing_predicate=str(refused), error="REFUSED")
            )
    return conditions


def _rule_results(
    lead: LeadInput, conditions: Sequence[Condition | RuleResult], progress: Progress
) -> list[RuleResult]:
    facts = activation(lead.facts)
    results: list[RuleResult] = []
    for rule, condition in enumerate(conditions):
        if rule in lead.timed_out:
            results.append(OVERRAN)
        elif isinstance(condition, RuleResult):
            results.append(condition)
        else:
            progress.write(lead.number, rule)
            results.append(evaluate(condition, facts))
            if results[-1].matched:
                break
    return results


def _limit_cpu(seconds: float) -> None:
    """Ends the process (SIGPROF) after so much CPU time from now on; 0: never."""
    signal.setitimer(signal.ITIMER_PROF, seconds)
