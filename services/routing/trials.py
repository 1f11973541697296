"""New conditions, tried on the costliest lead there can be before any lead meets them."""

from typing import Final

from services.chassis.errors import DomainError
from services.routing.bounds import CHARACTERS_MAX
from services.routing.facts import worst_facts
from services.routing.hearings import Answer, Refusal, Trial
from services.routing.judging import Judge

TOO_COSTLY: Final = Refusal(problem="it takes too much time or memory on a large lead")
TOO_LONG: Final = Refusal(problem=f"it has more than {CHARACTERS_MAX} characters")


class Trials:
    """Tries conditions on a judge of its own, so that no lead waits for it."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge

    async def check(self, condition: str) -> None:
        """CONDITION_REFUSED, with line and column, where it is not one that leads should meet."""
        if refusal := await self._refusal(condition):
            where = f"line {refusal.line}, column {refusal.column}"
            raise DomainError(
                "CONDITION_REFUSED",
                f"The condition is refused at {where}: {refusal.problem}.",
                metadata={
                    "line": str(refusal.line),
                    "column": str(refusal.column),
                    "problem": refusal.problem,
                },
            )

    async def _refusal(self, condition: str) -> Refusal | None:
        if len(condition) > CHARACTERS_MAX:
            return TOO_LONG
        answers: list[Answer] = []
        trial = Trial(condition=condition, facts=worst_facts(condition))
        if await self._judge.ask(trial, answers.append):
            return TOO_COSTLY
        return answers[0].refusal
