"""Parts of a condition that fail whatever the lead is, because what they fail on is constant.

The engine compiles `lead.full_name.matches("(")` and `1 / 0 == 1`, and then no lead ever matches.
CEL gives Python no parsed parts, so this reads the text, as `predicates.py` does: every part that
compiles without a lead's names is evaluated by itself.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from cel_expr_python import cel

from services.routing.rule_evaluator.predicates import TOKEN

_WITHOUT_LEAD: Final = cel.NewEnv(variables={})
_NO_NAMES: Final = _WITHOUT_LEAD.Activation({})
_ERROR: Final = "ERROR"
_LEAD: Final = re.compile(r"\blead\s*\.")
_MARK: Final = re.compile(
    r"(?P<open>[(\[{])|(?P<close>[)\]}])|(?P<between>&&|\|\||[?:,]|[=!<>]=|[<>]|\bin\b)"
)
_NAME: Final = re.compile(r"(?P<dot>\.\s*)?(?P<name>\b[A-Za-z_]\w*)\s*\Z")
# Methods of a lead's values that fail on their arguments only, by a value that they work on.
_MATCHES: Final = "matches"
_TIMES: Final = "get"
_A_TEXT: Final = '""'
_A_TIME: Final = 'timestamp("2026-01-01T00:00:00Z")'
_CAN_FAIL: Final = re.compile(r"[(\[/%*+-]")
_BY_ZERO: Final = re.compile(r"[/%]\s*(?:0[xX]0+|0+)[uU]?(?![\w.])")
_CODE: Final = re.compile(r"^(?:[A-Z_]+:\s*)+")


@dataclass(frozen=True, slots=True, kw_only=True)
class FailingConstant:
    """Where in the text the part begins, and the engine's words for what is wrong with it."""

    position: int
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """A part of the text by its place, and an expression that fails as it does."""

    begin: int
    end: int
    expression: str


def failing_constant(condition: str) -> FailingConstant | None:
    """The first part, in order of the text, that fails whatever the lead is; None: there is none.

    The condition compiles.
    """
    looked_at_to = 0
    for part in sorted(_parts(condition), key=lambda each: (each.begin, -each.end)):
        # What has a value, as a whole list has, is not looked at again element by element.
        if part.end <= looked_at_to:
            continue
        value = _value(part.expression)
        if value is None:
            continue
        if value.type().name() == _ERROR:
            problem = _CODE.sub("", str(value.value())).strip()
            return FailingConstant(position=part.begin, problem=problem)
        looked_at_to = part.end
    return None


def _parts(condition: str) -> Iterator[_Part]:
    """What may be constant, each as an expression by itself."""
    masked = _masked(condition)
    for begin, end in _spans(masked):
        if _can_be_constant(masked[begin:end]):
            blanks = end - begin - len(masked[begin:end].lstrip())
            yield _Part(begin=begin + blanks, end=end, expression=condition[begin:end].strip())
    for opened, end in _brackets(masked):
        called = _NAME.search(masked, 0, opened)
        if called is not None and _can_be_constant(masked[opened:end]):
            begin = called.start("name")
            if (receiver := _receiver(called)) is not None:
                yield _Part(begin=begin, end=end, expression=receiver + condition[begin:end])
    for found in _BY_ZERO.finditer(masked):
        one = "1u" if found[0][-1] in "uU" else "1"
        yield _Part(begin=found.start(), end=found.end(), expression=f"{one} {found[0]}")


def _receiver(called: "re.Match[str]") -> str | None:
    """What a call's expression begins with; None where the call depends on what it is made of."""
    if called["dot"] is None:
        return ""
    if called["name"] == _MATCHES:
        return f"{_A_TEXT}."
    return f"{_A_TIME}." if called["name"].startswith(_TIMES) else None


def _masked(condition: str) -> str:
    """The text with blanks for comments and quotes for all that is quoted; positions stay."""
    masked = condition
    for token in TOKEN.finditer(condition):
        fill = {"comment": " ", "raw": '"', "text": '"'}.get(token.lastgroup or "")
        if fill is not None:
            size = token.end() - token.start()
            masked = masked[: token.start()] + fill * size + masked[token.end() :]
    return masked


def _spans(masked: str) -> Iterator[tuple[int, int]]:
    """Operands of logic and comparison, arguments and elements: what binds looser than they do."""
    begins = [0]
    for mark in _MARK.finditer(masked):
        if mark.lastgroup == "open":
            begins.append(mark.end())
            continue
        yield begins[-1], mark.start()
        if mark.lastgroup == "between":
            begins[-1] = mark.end()
        elif len(begins) > 1:
            begins.pop()
    yield begins[0], len(masked)


def _brackets(masked: str) -> Iterator[tuple[int, int]]:
    """Where each pair opens, and where it ends."""
    opened: list[int] = []
    for mark in _MARK.finditer(masked):
        if mark.lastgroup == "open":
            opened.append(mark.start())
        elif mark.lastgroup == "close" and opened:
            yield opened.pop(), mark.end()


def _can_be_constant(masked: str) -> bool:
    return _CAN_FAIL.search(masked) is not None and _LEAD.search(masked) is None


def _value(text: str) -> Any:
    """The engine's value, an error among them; None where the text is none without a lead."""
    try:
        return _WITHOUT_LEAD.compile(text).eval(_NO_NAMES)
    except RuntimeError:
        return None
