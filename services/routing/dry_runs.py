"""Dry runs of new conditions, on the costliest lead there can be, before any lead meets them."""

from typing import Final

from services.routing.facts import worst_facts
from services.routing.refusals import condition_refused
from services.routing.rule_evaluator.bounds import CHARACTERS_MAX
from services.routing.rule_evaluator.client import RuleEvaluator
from services.routing.rule_evaluator.protocol import ConditionProblem, DryRunRequest, ResponsePart

TOO_COSTLY: Final = ConditionProblem(problem="it takes too much time or memory on a large lead")
TOO_LONG: Final = ConditionProblem(problem=f"it has more than {CHARACTERS_MAX} characters")


class DryRuns:
    """Checks conditions on an evaluator of its own, so that no lead waits for it."""

    def __init__(self, evaluator: RuleEvaluator) -> None:
        self._evaluator = evaluator

    async def check(self, condition: str) -> None:
        """Raises CONDITION_REFUSED, with line and column, unless leads may meet the condition."""
        if problem := await self._problem(condition):
            raise condition_refused(problem)

    async def _problem(self, condition: str) -> ConditionProblem | None:
        if len(condition) > CHARACTERS_MAX:
            return TOO_LONG
        parts: list[ResponsePart] = []
        request = DryRunRequest(condition=condition, facts=worst_facts(condition))
        if await self._evaluator.call(request, parts.append):
            return TOO_COSTLY
        return parts[0].problem
