"""Bounds of a condition: how many parts, loops and layers of loops it has, and which patterns.

It reads the text as `predicates.py` does, so that a refusal has a position and says what to change.
It is not the last guard: what slips through meets the evaluator's limits, in the dry run and with
every lead.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from services.routing.rule_evaluator.predicates import TOKEN, split_predicates

CHARACTERS_MAX: Final = 4000
LOOPS_MAX: Final = 10
LOOPS_NESTED_MAX: Final = 2
PREDICATES_MAX: Final = 50
PATTERN_CHARACTERS_MAX: Final = 200
_LOOP: Final = re.compile(r"\.\s*(?:all|exists|exists_one|filter|map)\s*\Z")
_MATCHES: Final = re.compile(r"\bmatches\s*\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenBound:
    """What the condition has too much of, and where in the text it begins."""

    position: int
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Token:
    kind: str
    text: str
    before: str
    position: int


def broken_bound(condition: str) -> BrokenBound | None:
    """The first bound that the condition breaks, or None."""
    if len(condition) > CHARACTERS_MAX:
        return BrokenBound(position=0, problem=f"it has more than {CHARACTERS_MAX} characters")
    if len(split_predicates(condition)) > PREDICATES_MAX:
        return BrokenBound(
            position=0, problem=f"it has more than {PREDICATES_MAX} parts joined by &&"
        )
    tokens = _tokens(condition)
    return _too_many_loops(tokens) or _bad_pattern(tokens)


def _tokens(condition: str) -> list[_Token]:
    tokens: list[_Token] = []
    begin = 0
    before = ""
    for found in TOKEN.finditer(condition):
        before += condition[begin : found.start()]
        begin = found.end()
        kind = found.lastgroup or ""
        if kind != "comment":
            tokens.append(_Token(kind=kind, text=found[0], before=before, position=found.start()))
            before = ""
    return tokens


def _too_many_loops(tokens: Sequence[_Token]) -> BrokenBound | None:
    open_loops: list[bool] = []
    loops = 0
    for token in tokens:
        if token.kind == "close" and open_loops:
            open_loops.pop()
        if token.kind != "open":
            continue
        is_loop = _LOOP.search(token.before) is not None
        open_loops.append(is_loop)
        loops += is_loop
        if sum(open_loops) > LOOPS_NESTED_MAX:
            problem = f"its loops are nested in more than {LOOPS_NESTED_MAX} layers"
            return BrokenBound(position=token.position, problem=problem)
        if loops > LOOPS_MAX:
            problem = f"it has more than {LOOPS_MAX} loops"
            return BrokenBound(position=token.position, problem=problem)
    return None


def _bad_pattern(tokens: Sequence[_Token]) -> BrokenBound | None:
    for index, token in enumerate(tokens):
        if token.kind != "open" or not _MATCHES.search(token.before):
            continue
        if not _is_one_text(tokens[index + 1 : index + 3]):
            problem = (
                "the pattern of matches() must stand in quotes,"
                ' for example lead.details.matches("a|b")'
            )
            return BrokenBound(position=token.position, problem=problem)
        if len(tokens[index + 1].text) > PATTERN_CHARACTERS_MAX:
            problem = f"a pattern has more than {PATTERN_CHARACTERS_MAX} characters"
            return BrokenBound(position=tokens[index + 1].position, problem=problem)
    return None


def _is_one_text(tokens: Sequence[_Token]) -> bool:
    kinds = [token.kind for token in tokens]
    return kinds in (["text", "close"], ["raw", "close"]) and not any(
        token.before.strip() for token in tokens
    )
