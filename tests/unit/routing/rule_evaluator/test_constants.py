"""Conditions that can never work because of their constants, and those that can."""

from mmap import mmap

import pytest

from services.routing.facts import worst_facts
from services.routing.rule_evaluator.conditions import (
    ConditionRefused,
    check_constants,
    compile_condition,
)
from services.routing.rule_evaluator.constants import failing_constant
from services.routing.rule_evaluator.evaluation import dry_run
from services.routing.rule_evaluator.protocol import (
    PROGRESS_BYTES,
    ConditionProblem,
    DryRunRequest,
    EvaluatorLimits,
    Progress,
)


@pytest.mark.parametrize(
    ("condition", "begin", "problem"),
    [
        ('lead.full_name.matches("(")', "matches", "invalid regular expression: missing ): ("),
        ("lead.details.matches('[')", "matches", "invalid regular expression: missing ]: ["),
        ('lead.details.matches(r"a{2000}")', "matches", "invalid repetition size: {2000}"),
        ('lead.details.matches(// why\n "c[")', "matches", "missing ]: ["),
        ('lead.has_phone || lead.details.matches("[")', "matches", "missing ]"),
        ('lead.answers.exists(key, key.matches("["))', "matches", "missing ]"),
        ('lead.received_at.getHours("Europe/berlin") >= 9', "getHours", "Invalid timezone"),
        ('lead.received_at > timestamp("2026-12-01")', "timestamp", "conversion failed"),
        ('lead.received_at - duration("5") < lead.received_at', "duration", "conversion failed"),
        ("1/0 == 1", "1/0", "divide by zero"),
        ("lead.has_phone || 5 % 0 == 1", "5 % 0", "modulus by zero"),
        ("size(lead.details) / 0 > 1", "/ 0", "divide by zero"),
        ("size(lead.details) % 0x0 > 1", "% 0x0", "modulus by zero"),
        ("uint(size(lead.details)) / 0u > 1u", "/ 0u", "divide by zero"),
        ("(lead.has_phone ? 1 / 0 : 2) == 1", "1 / 0", "divide by zero"),
        ("lead.answers.size.exists(value, int(value) > 10 / 0)", "10 / 0", "divide by zero"),
        ("[1][5] == 1", "[1][5]", "index=5 size=1"),
        ('{"a": 1}["b"] == 1', '{"a"', "b"),
        ('size(lead.details) > int("many")', "int", "cannot convert string to int"),
        ("9223372036854775807 + 1 == 1", "9223372036854775807", "integer overflow"),
        ("[0].all(each, 10 / each > 1)", "[0]", "divide by zero"),
    ],
)
def test_a_constant_that_can_never_work_is_found_with_the_engines_words(
    condition: str, begin: str, problem: str
) -> None:
    compile_condition(condition)
    failing = failing_constant(condition)
    assert failing is not None
    assert condition[failing.position :].startswith(begin)
    assert problem in failing.problem


@pytest.mark.parametrize(
    "condition",
    [
        # They fail on some leads only.
        "int(lead.full_name) > 3",
        'lead.answers["size"][0] == "L"',
        "10 / size(lead.full_name) > 1",
        "lead.answers.size.exists(value, timestamp(value) < lead.received_at)",
        "lead.answers.size.all(value, 10 / int(value) > 1)",
        # They have a value.
        'lead.received_at.getDayOfWeek("Europe/Berlin") in [1, 2, 3]',
        'lead.received_at < timestamp("2027-01-01T00:00:00Z") + duration("36h")',
        'lead.details.matches("a|b") && lead.type in ["order", "quote"]',
        "size(lead.details) / 10 > 0x10 / 3",
        "size(lead.details) / 0x1 > 05 / 1",
        "1.0 / 0.0 > 1.0",
        "[1, 2, 3].all(each, 10 / each > 1)",
        '{"a": 1}["a"] == 1',
        # Only quoted, or a comment.
        'lead.details.contains("1 / 0 == (")',
        'lead.details == "matches(\\"[\\")" // 1 / 0 == 1',
        "lead.details.contains(r'x / 0')",
    ],
)
def test_a_condition_that_works_on_some_lead_is_left_as_it_is(condition: str) -> None:
    compile_condition(condition)
    assert failing_constant(condition) is None
    check_constants(condition)


def test_it_is_refused_with_line_and_column() -> None:
    with pytest.raises(ConditionRefused, match="it never works: divide by zero") as refused:
        check_constants("lead.has_phone &&\n  size(lead.details) > 1 / 0")
    assert (refused.value.line, refused.value.column) == (2, 24)


def test_a_dry_run_refuses_it() -> None:
    condition = 'lead.full_name.matches("(")'
    request = DryRunRequest(condition=condition, facts=worst_facts(condition))
    # The kernel would end the tests.
    unlimited = EvaluatorLimits(dry_run_cpu_seconds=0)
    answer = dry_run(request, unlimited, Progress(mmap(-1, PROGRESS_BYTES)))
    assert answer.problem == ConditionProblem(
        problem="it never works: invalid regular expression: missing ): (", line=1, column=16
    )


def test_a_rule_that_is_there_already_goes_on_as_before() -> None:
    """Such a condition may match by its other side; only new ones are refused."""
    compile_condition('lead.has_phone || lead.details.matches("[")')
