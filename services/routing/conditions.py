"""Conditions of rules: CEL over the facts of a lead, checked when they are written.

Google's engine checks names and types with positions, and bounds the number of a condition's
iterations (10,000) and its nesting (32), but not what one iteration costs. `bounds.py` keeps
conditions small, and the judge, a process of its own, bounds their time and memory.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from cel_expr_python import cel

from services.routing.bounds import broken_bound
from services.routing.hearings import Verdict
from services.routing.predicates import split_predicates

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
    """The condition does not compile, is no bool or breaks a bound; where (both from 1) and why."""

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
        before = text[: broken.position]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        raise ConditionRefused(broken.problem, line=line, column=column)
    return Condition(predicates=_predicates(whole))


def activation(facts: dict[str, Any]) -> cel.Activation:
    """A lead's facts as the engine takes them, for all of its conditions."""
    return _ENVIRONMENT.Activation(facts)


def judge(condition: Condition, facts: cel.Activation) -> Verdict:
    """What the condition says of a lead: of a false one the false part is the reason.

    As in the engine's `&&`, a part that fails counts only while no other part is false.
    """
    failed: Verdict | None = None
    for predicate in condition.predicates:
        answer = _evaluate(predicate, facts)
        if answer is False:
            return Verdict(matched=False, failing_predicate=predicate.text)
        if answer is not True and failed is None:
            failed = Verdict(matched=False, failing_predicate=predicate.text, error=answer)
    return failed or Verdict(matched=True)


def evaluate_all(condition: Condition, facts: cel.Activation) -> None:
    """Evaluates every part, whatever the others say: what the condition costs at worst."""
    for predicate in condition.predicates:
        _evaluate(predicate, facts)


def _compile(text: str) -> Predicate:
    try:
        expression = _ENVIRONMENT.compile(text)
    except RuntimeError as error:
        raise _refusal(str(error)) from None
    if expression.return_type() != cel.Type.BOOL:
        name = expression.return_type().name().lower()
        raise ConditionRefused(f"it is of type {name} and must be a bool")
    return Predicate(text=text.strip(), expression=expression)


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


def _evaluate(predicate: Predicate, facts: cel.Activation) -> bool | str:
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
