"""Conditions of rules, CEL over the facts of a lead: `compile_condition`, then `evaluate`.

Google's engine checks names and types with positions, and bounds the number of a condition's
iterations (10,000) and its nesting (32), but not what one iteration costs. `bounds.py` keeps
conditions small, and the evaluator's process bounds their time and memory.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from cel_expr_python import cel

from services.routing.rule_evaluator.bounds import broken_bound
from services.routing.rule_evaluator.constants import failing_constant
from services.routing.rule_evaluator.predicates import split_predicates
from services.routing.rule_evaluator.protocol import RuleResult

CONDITIONS_CACHED_MAX: Final = 10_000
NAMES: Final = {
    "lead.type": cel.Type.STRING,
    "lead.source_id": cel.Type.STRING,
    "lead.source_kind": cel.Type.STRING,
    "lead.phone_country": cel.Type.STRING,
    "lead.email_domain": cel.Type.STRING,
    "lead.full_name": cel.Type.STRING,
    "lead.details": cel.Type.STRING,
    "lead.has_phone": cel.Type.BOOL,
    "lead.has_email": cel.Type.BOOL,
    "lead.answers": cel.Type.Map(cel.Type.STRING, cel.Type.List(cel.Type.STRING)),
    "lead.consents": cel.Type.Map(cel.Type.STRING, cel.Type.BOOL),
    "lead.received_at": cel.Type.TIMESTAMP,
}
_ENVIRONMENT: Final = cel.NewEnv(variables=NAMES)
_POSITION: Final = re.compile(r"ERROR: <input>:(\d+):(\d+): ([^\n]*)")
_CODE: Final = re.compile(r"^([A-Z_]+):")


class ConditionRefused(Exception):
    """The condition does not compile, is not a bool, breaks a bound or can never work.

    It says where (from 1) and why.
    """

    def __init__(self, problem: str, *, line: int = 1, column: int = 1) -> None:
        super().__init__(f"{line}:{column}: {problem}")
        self.problem = problem
        self.line = line
        self.column = column


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicate:
    """A compiled piece of a condition with its text."""

    text: str
    expression: cel.Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A compiled condition: the predicates that all must hold."""

    predicates: tuple[Predicate, ...]


@lru_cache(maxsize=CONDITIONS_CACHED_MAX)
def compile_condition(text: str) -> Condition:
    """The condition, compiled once for each text. Raises `ConditionRefused`."""
    whole = _compile(text)
    if broken := broken_bound(text):
        raise _refused_at(text, broken.position, broken.problem)
    return Condition(predicates=_predicates(whole))


def require_working_constants(text: str) -> None:
    """Raises `ConditionRefused` for a piece that fails by its constants alone, whatever the lead.

    Of new conditions only: one that is in use fails as it did.
    """
    if failing := failing_constant(_ENVIRONMENT, _compile(text).expression):
        raise _refused_at(text, failing.position, failing.problem)


def activation(facts: dict[str, Any]) -> cel.Activation:
    """A lead's facts as the engine takes them, made once for all rules."""
    return _ENVIRONMENT.Activation(facts)


def evaluate(condition: Condition, facts: cel.Activation) -> RuleResult:
    """Whether the condition matches a lead; without a match, the first part that is false.

    As in the engine's `&&`, a part that fails counts only while no other part is false.
    """
    failed: RuleResult | None = None
    for predicate in condition.predicates:
        value = _value(predicate, facts)
        if value is False:
            return RuleResult(matched=False, failing_predicate=predicate.text)
        if value is not True and failed is None:
            failed = RuleResult(matched=False, failing_predicate=predicate.text, error=value)
    return failed or RuleResult(matched=True)


def evaluate_all(condition: Condition, facts: cel.Activation) -> None:
    """Evaluates every part, whatever the others say: what the condition costs at worst."""
    for predicate in condition.predicates:
        _value(predicate, facts)


def _compile(text: str) -> Predicate:
    try:
        expression = _ENVIRONMENT.compile(text)
    except RuntimeError as error:
        raise _refusal(str(error)) from None
    if expression.return_type() != cel.Type.BOOL:
        name = expression.return_type().name().lower()
        raise ConditionRefused(f"it is of type {name} and must be a bool")
    return Predicate(text=text.strip(), expression=expression)


def _refused_at(text: str, position: int, problem: str) -> ConditionRefused:
    before = text[:position]
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    return ConditionRefused(problem, line=line, column=column)


def _refusal(text: str) -> ConditionRefused:
    found = _POSITION.search(text)
    if found is None:
        return ConditionRefused(_CODE.sub("", text).strip() or "it does not compile")
    return ConditionRefused(found[3].strip(), line=int(found[1]), column=int(found[2]))


def _predicates(whole: Predicate) -> tuple[Predicate, ...]:
    try:
        return tuple(_compile(part) for part in split_predicates(whole.text))
    except ConditionRefused:
        # The text was not split where the engine would: name the whole.
        return (whole,)


def _value(predicate: Predicate, facts: cel.Activation) -> bool | str:
    """True, False, or the engine's error code."""
    try:
        value = predicate.expression.eval(facts)
    except RuntimeError as error:
        return _code(str(error))
    if value.type() == cel.Type.BOOL:
        return bool(value.value())
    return _code(str(value.value()))


def _code(text: str) -> str:
    found = _CODE.match(text)
    return found[1] if found else "UNKNOWN"
