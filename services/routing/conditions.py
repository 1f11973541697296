"""Conditions of rules: CEL over the facts of a lead, checked when they are written.

Google's engine checks names and types with positions and bounds the work: 10,000 iterations of a
condition's loops, nesting of 32, regular expressions in linear time. The length is bounded here.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from cel_expr_python import cel

from services.routing.facts import NAMES
from services.routing.predicates import split_predicates

CONDITION_CHARACTERS_MAX: Final = 4000
CONDITIONS_CACHED_MAX: Final = 10_000
_ENVIRONMENT: Final = cel.NewEnv(variables=NAMES)
_POSITION: Final = re.compile(r"ERROR: <input>:(\d+):(\d+): ([^\n]*)")
_CODE: Final = re.compile(r"^([A-Z_]+):")


class ConditionRefused(Exception):
    """The condition does not compile or is no bool; where (both from 1) and why."""

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
    """A compiled condition, whole and as the predicates that all must hold."""

    whole: Predicate
    predicates: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a condition says of a lead; without a match, the first predicate that was not true.

    `error` is the engine's code ("NOT_FOUND") where it could not say. Its text is not kept: it may
    quote the lead.
    """

    matched: bool
    failing_predicate: str = ""
    error: str = ""


@lru_cache(maxsize=CONDITIONS_CACHED_MAX)
def compile_condition(text: str) -> Condition:
    """The condition, compiled once for each text. Raises `ConditionRefused`."""
    if len(text) > CONDITION_CHARACTERS_MAX:
        raise ConditionRefused(f"it has more than {CONDITION_CHARACTERS_MAX} characters")
    whole = _compile(text)
    return Condition(whole=whole, predicates=_predicates(whole))


def judge(condition: Condition, facts: dict[str, Any]) -> Verdict:
    """What the condition says of a lead with these facts."""
    answer = _evaluate(condition.whole, facts)
    if answer is True:
        return Verdict(matched=True)
    for predicate in condition.predicates:
        # Of a false condition the false part is the reason, whatever another part may be.
        if _evaluate(predicate, facts) == answer:
            break
    else:
        predicate = condition.whole
    error = answer if isinstance(answer, str) else ""
    return Verdict(matched=False, failing_predicate=predicate.text, error=error)


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


def _evaluate(predicate: Predicate, facts: dict[str, Any]) -> bool | str:
    """True, False, or the engine's error code."""
    try:
        value = predicate.expression.eval(data=facts)
    except RuntimeError as error:
        return _code(str(error))
    if value.type() == cel.Type.BOOL:
        return bool(value.value())
    return _code(str(value.value()))


def _code(text: str) -> str:
    found = _CODE.match(text)
    return found[1] if found else "UNKNOWN"
