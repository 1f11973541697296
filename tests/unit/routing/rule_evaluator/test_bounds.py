"""What a condition may hold; a broken bound is named with its position."""

import pytest

from services.routing.rule_evaluator.bounds import (
    CHARACTERS_MAX,
    LOOPS_MAX,
    PATTERN_CHARACTERS_MAX,
    PREDICATES_MAX,
    broken_bound,
)
from services.routing.rule_evaluator.conditions import ConditionRefused, compile_condition

ONE_LOOP = "[1].exists(a, true)"
PATTERN = "a" * (PATTERN_CHARACTERS_MAX - 2)


@pytest.mark.parametrize(
    "condition",
    [
        "true" + " " * (CHARACTERS_MAX - 4),
        "&&".join(["true"] * PREDICATES_MAX),
        "||".join([ONE_LOOP] * LOOPS_MAX),
        "lead.answers.exists(key, lead.answers[key].exists(value, value.contains('x')))",
        f'lead.details.matches("{PATTERN}")',
        'lead.details.matches(r"a|b") || lead.details.matches(// as above\n "c")',
        '".exists(.exists(.exists(" == "matches("',
        "// .exists(.exists(.exists( matches(\ntrue",
    ],
)
def test_what_keeps_the_bounds_compiles(condition: str) -> None:
    assert broken_bound(condition) is None
    compile_condition(condition)


@pytest.mark.parametrize(
    ("condition", "position", "problem"),
    [
        ("true" + " " * CHARACTERS_MAX, 0, "more than 4000 characters"),
        ("&&".join(["true"] * (PREDICATES_MAX + 1)), 0, "more than 50 parts joined by &&"),
        (
            "[1].all(a, [2].map(b, [3].filter(c, true)) == [])",
            "[1].all(a, [2].map(b, [3].filter",
            "more than 2 layers",
        ),
        ("||".join([ONE_LOOP] * (LOOPS_MAX + 1)), (LOOPS_MAX * 21) + 10, "more than 10 loops"),
        (
            f'lead.details.matches("{PATTERN}a")',
            "lead.details.matches(",
            "more than 200",
        ),
        ("lead.details.matches(lead.full_name)", "lead.details.matches", "must stand in"),
        (
            'lead.details.matches("a" + lead.full_name)',
            "lead.details.matches",
            "must stand in",
        ),
        ('matches(lead.details, "a")', "matches", "must stand in"),
    ],
)
def test_a_broken_bound_is_named_with_its_position(
    condition: str, position: int | str, problem: str
) -> None:
    broken = broken_bound(condition)
    assert broken is not None
    assert broken.position == (position if isinstance(position, int) else len(position))
    assert problem in broken.problem


def test_a_broken_bound_refuses_the_condition_by_line_and_column() -> None:
    with pytest.raises(ConditionRefused, match="must stand in") as refused:
        compile_condition("true &&\n  lead.details.matches(lead.full_name)")
    assert (refused.value.line, refused.value.column) == (2, 23)
