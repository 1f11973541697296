"""Constants of a new condition that can never work are refused, with their place."""

import pytest

from services.routing.rule_evaluator.conditions import (
    ConditionRefused,
    compile_condition,
    require_working_constants,
)


@pytest.mark.parametrize(
    ("condition", "column", "problem"),
    [
        ("lead.full_name.matches('[')", 23, "invalid regular expression: missing ]: ["),
        (r"lead.details.matches(r'(\d')", 21, r"invalid regular expression: missing ): (\d"),
        (
            "lead.type == 'order' || lead.full_name.matches('(')",
            47,
            "invalid regular expression: missing ): (",
        ),
        (
            "lead.answers['x'].exists(a, a.matches('*'))",
            38,
            "invalid regular expression: no argument for repetition operator: *",
        ),
        ("1/0 == 1", 2, "divide by zero"),
        ("lead.has_phone && 1 % 0 == 1", 21, "modulus by zero"),
        ("lead.has_phone ? 1/0 == 1 : true", 19, "divide by zero"),
        ("lead.received_at > timestamp('2026-12-01')", 29, "String to Timestamp conversion failed"),
        ("lead.received_at.getHours('Europe/berlin') >= 9", 26, "Invalid timezone"),
        ("duration('5') > duration('1s')", 9, "String to Duration conversion failed"),
        ("int('x') == 1", 4, "cannot convert string to int"),
        ("9223372036854775807 + 1 > 0", 21, "integer overflow"),
        ("[1, 2][5] == 1", 7, "Index error: index=5 size=2"),
        ("lead.type == {'a': 'b'}['c']", 24, 'Key not found in map : "c"'),
    ],
)
def test_a_piece_that_fails_by_its_constants_is_refused(
    condition: str, column: int, problem: str
) -> None:
    compile_condition(condition)
    with pytest.raises(ConditionRefused) as refused:
        require_working_constants(condition)
    assert (refused.value.problem, refused.value.column) == (problem, column)


def test_the_line_of_the_piece_is_told() -> None:
    with pytest.raises(ConditionRefused) as refused:
        require_working_constants("lead.has_phone &&\n  'ä' != '' &&\n  1/0 == 1")
    assert (refused.value.line, refused.value.column) == (3, 4)


@pytest.mark.parametrize(
    "condition",
    [
        "true",
        "lead.full_name.matches('a|b') && lead.details.matches('\\\\d{2}😀')",
        "lead.received_at.getHours('Europe/Berlin') >= 9 && lead.received_at.getHours() > 3",
        "lead.received_at > timestamp('2026-12-01T00:00:00Z') - duration('24h')",
        "lead.answers['budget'][5] == 'a' && int(lead.answers['n'][0]) / 2 == 10 / 5",
        "lead.type in ['order', 'quote'] && has(lead.answers.budget)",
        "[1, 2].exists(x, x / 1 == 2) && {'a': 1}['a'] == 1",
        # The engine takes the infinity of such a division as a number.
        "1.0 / 0.0 > 1.0",
    ],
)
def test_a_condition_that_may_work_is_taken(condition: str) -> None:
    require_working_constants(condition)
