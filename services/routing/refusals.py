"""Routing's refusals, made by name."""

from uuid import UUID

from services.chassis.errors import DomainError
from services.routing.rule_evaluator.protocol import ConditionProblem


def lead_not_found(lead_id: UUID) -> DomainError:
    return DomainError(
        "LEAD_NOT_FOUND",
        "There is no such lead in this org, or it is still on its way here.",
        metadata={"lead_id": str(lead_id)},
    )


def condition_refused(problem: ConditionProblem) -> DomainError:
    where = f"line {problem.line}, column {problem.column}"
    return DomainError(
        "CONDITION_REFUSED",
        f"The condition is refused at {where}: {problem.problem}.",
        metadata={
            "line": str(problem.line),
            "column": str(problem.column),
            "problem": problem.problem,
        },
    )
