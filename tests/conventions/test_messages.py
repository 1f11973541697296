"""Violations say what is wrong, then what would be right."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.chassis.migrate import SERVICES
from tests.conventions.schemas import NAMES, mending, modules_of

BEGINNINGS = ("is ", "has ", "must ", "contains ")
# How examples look that do not say that they are examples.
UNNAMED_EXAMPLE = re.compile(r": |\(|\bsuch as\b|\be\.g\.|\blike\b")
PLACEHOLDER = "{}"


def descriptions(path: Path) -> Iterator[tuple[int, str]]:
    """Line and text of everything that is passed as a violation's description."""
    for function in ast.walk(ast.parse(path.read_text())):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            assigned = _assigned_in(function)
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and (given := _description(node)) is not None:
                    for text in _texts(given, assigned):
                        yield node.lineno, text


def _assigned_in(function: ast.AST) -> dict[str, list[ast.expr]]:
    """What the function's own names are set to."""
    assigned: dict[str, list[ast.expr]] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    assigned.setdefault(target.id, []).append(node.value)
    return assigned


def _description(call: ast.Call) -> ast.expr | None:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name not in ("refuse", "Violation"):
        return None
    named = {keyword.arg: keyword.value for keyword in call.keywords}
    if "description" in named:
        return named["description"]
    return call.args[1] if len(call.args) > 1 else None


def _texts(node: ast.expr, assigned: dict[str, list[ast.expr]]) -> Iterator[str]:
    """The texts that an expression can be, as far as the module says so itself."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=values):
            yield "".join(
                str(each.value) if isinstance(each, ast.Constant) else PLACEHOLDER
                for each in values
            )
        case ast.IfExp(body=body, orelse=orelse):
            yield from _texts(body, assigned)
            yield from _texts(orelse, assigned)
        case ast.Name(id=name):
            for value in assigned.get(name, ()):
                if not isinstance(value, ast.Name):
                    yield from _texts(value, {})


def wrong_with(text: str) -> str:
    """What is wrong with a violation's text; empty where nothing is."""
    if not text.startswith(BEGINNINGS):
        return "does not begin with is, has, must or contains"
    if text.startswith(("is no ", "is none")):
        return "says `is no`: write `is not a`"
    before, _, _ = text.partition("for example")
    if UNNAMED_EXAMPLE.search(before):
        return "has an example that does not stand behind `for example`"
    return ""


@pytest.mark.parametrize("package", [*NAMES, "chassis"])
def test_a_violation_says_what_is_wrong_and_names_an_example_as_one(package: str) -> None:
    found = [
        f"{path.relative_to(SERVICES)}:{line}: {text!r} {wrong}"
        for path in modules_of(package)
        for line, text in descriptions(path)
        if (wrong := wrong_with(text))
    ]
    assert not found, mending(
        "\n".join(found),
        "say what is wrong, beginning with is, has, must or contains; then an example behind"
        " `for example`: `is not an IANA time zone, for example Europe/Berlin`",
    )


def test_violations_are_found() -> None:
    assert sum(1 for name in NAMES for path in modules_of(name) for _ in descriptions(path)) > 20


@pytest.mark.parametrize(
    ("text", "is_right"),
    [
        ("is not an IANA time zone, for example Europe/Berlin", True),
        ("has more than {} elements", True),
        ("is no IANA zone: Europe/Berlin", False),
        ("is not an ISO 3166 country code (DE)", False),
        ("set one of the fields to look by", False),
    ],
)
def test_the_shape_that_is_asked_for(text: str, is_right: bool) -> None:
    assert (wrong_with(text) == "") is is_right
