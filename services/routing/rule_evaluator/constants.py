"""Pieces of a condition that can never work: made of constants alone, and failing.

The engine finds a pattern that is not one, a zone or time that does not exist or a division by
zero only when it evaluates them, so a rule would never match and say so with each lead.
"""

import json
from dataclasses import dataclass
from typing import Any, Final

from cel_expr_python import cel

from services.routing.rule_evaluator.checked_syntax import CheckedSyntax, children

# A method that fails by its constant argument, whatever it is called on: on what it is tried.
_ON_TEXT: Final = '""'
_ON_TIME: Final = 'timestamp("2026-01-01T00:00:00Z")'
_TRIED_ON: Final = {"matches": _ON_TEXT} | dict.fromkeys(
    (
        *("getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek"),
        *("getDayOfYear", "getHours", "getMinutes", "getSeconds", "getMilliseconds"),
    ),
    _ON_TIME,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FailingConstant:
    """Where in the text the piece stands, and the engine's own words."""

    position: int
    problem: str


def failing_constant(env: cel.Env, expression: cel.Expression) -> FailingConstant | None:
    """The first piece made of constants that fails, the innermost one; None where there is none."""
    syntax = CheckedSyntax(expression.serialize())

    def found_in(node: Any) -> FailingConstant | None:
        # What works as a whole is not looked into: a list of hundreds of sums is one evaluation.
        if _is_computed(node) and _error(env, env.deserialize(syntax.serialized(node))) is None:
            return None
        for child in children(node):
            if found := found_in(child):
                return found
        if problem := _problem(env, syntax, node):
            return FailingConstant(position=syntax.position(node), problem=problem)
        return None

    return found_in(syntax.root)


def _problem(env: cel.Env, syntax: CheckedSyntax, node: Any) -> str | None:
    if not node.HasField("call"):
        return None
    if _is_constant(node):
        return _error(env, env.deserialize(syntax.serialized(node)))
    tried_on = _TRIED_ON.get(node.call.function)
    texts = [arg.constant.string_value for arg in node.call.args if arg.HasField("constant")]
    if tried_on is None or len(texts) != 1:
        return None
    argument = json.dumps(texts[0], ensure_ascii=False)
    return _error(env, env.compile(f"{tried_on}.{node.call.function}({argument})"))


def _is_computed(node: Any) -> bool:
    return any(map(node.HasField, ("call", "list", "struct"))) and _is_constant(node)


def _is_constant(node: Any) -> bool:
    if node.HasField("ident") or node.HasField("comprehension"):
        return False
    return all(map(_is_constant, children(node)))


def _error(env: cel.Env, expression: cel.Expression) -> str | None:
    try:
        value = expression.eval(env.Activation({}))
    except RuntimeError as error:
        return _without_code(str(error))
    return _without_code(str(value.value())) if value.type() == cel.Type.ERROR else None


def _without_code(text: str) -> str:
    code, colon, rest = text.partition(": ")
    return rest if colon and code.replace("_", "").isupper() else text
