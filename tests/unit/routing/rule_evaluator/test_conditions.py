"""Conditions: refused with a position when written, evaluated with a reason when used."""

import pytest
from cel_expr_python import cel

from services.routing.facts import facts_of, worst_facts
from services.routing.records import LeadAnswer
from services.routing.rule_evaluator.bounds import CHARACTERS_MAX
from services.routing.rule_evaluator.conditions import (
    NAMES,
    Condition,
    ConditionRefused,
    Predicate,
    activation,
    compile_condition,
    evaluate,
)
from services.routing.rule_evaluator.protocol import RuleResult
from tests.unit.routing.builders import a_lead


def result_of(condition: str, **lead: object) -> RuleResult:
    return evaluate(compile_condition(condition), activation(facts_of(a_lead(**lead))))


@pytest.mark.parametrize(
    ("condition", "line", "column", "problem"),
    [
        ("lead.typ == 'order'", 1, 5, "undeclared reference to 'lead.typ'"),
        ("lead.type == 1", 1, 11, "no matching overload for '_==_'"),
        ("true &&\n  lead.foo", 2, 7, "undeclared reference to 'lead.foo'"),
        ("lead.type &&", 1, 13, "Syntax error"),
        ("", 1, 1, "Syntax error"),
        ("lead.type", 1, 1, "it is of type string and must be a bool"),
        ("dyn(lead.type)", 1, 1, "must be a bool"),
        ("(" * 300 + "true" + ")" * 300, 1, 1, "recursion limit"),
        ("true" + " " * CHARACTERS_MAX, 1, 1, "more than 4000 characters"),
    ],
)
def test_a_bad_condition_is_refused_with_its_position(
    condition: str, line: int, column: int, problem: str
) -> None:
    with pytest.raises(ConditionRefused) as refused:
        compile_condition(condition)
    assert (refused.value.line, refused.value.column) == (line, column)
    assert problem in refused.value.problem


@pytest.mark.parametrize(
    "condition",
    [
        'lead.type == "order" && lead.phone_country == "DE"',
        'lead.email_domain == "example.com"',
        'lead.full_name.startsWith("Ada") && lead.details.contains("engine")',
        "lead.has_phone && lead.has_email",
        '"size" in lead.answers && "L" in lead.answers["size"]',
        'lead.answers.size.exists(value, value == "L")',
        "lead.consents.newsletter",
        'lead.received_at > timestamp("2026-01-01T00:00:00Z")',
        'lead.received_at.getHours("Europe/Berlin") == 13',
        'lead.source_kind == "api" && lead.source_id != ""',
    ],
)
def test_a_true_condition_matches(condition: str) -> None:
    result = result_of(
        condition,
        answers=(LeadAnswer(name="size", values=("S", "L")),),
        consents={"newsletter": True},
    )
    assert result == RuleResult(matched=True)


@pytest.mark.parametrize(
    ("condition", "failing"),
    [
        ('lead.has_phone && lead.type == "quote" && false', 'lead.type == "quote"'),
        ('lead.type == "quote" || lead.has_phone == false', None),
        ("false", "false"),
        # The part that fails is not the reason while another part is false.
        ('lead.consents["x"] && lead.type == "quote"', 'lead.type == "quote"'),
    ],
)
def test_the_first_false_predicate_is_named(condition: str, failing: str | None) -> None:
    assert result_of(condition) == RuleResult(matched=False, failing_predicate=failing or condition)


@pytest.mark.parametrize(
    ("condition", "code", "failing"),
    [
        (
            'lead.has_phone && lead.answers["x"][0] == "y"',
            "NOT_FOUND",
            'lead.answers["x"][0] == "y"',
        ),
        ("1 / (lead.details.size() - lead.details.size()) == 1", "INVALID_ARGUMENT", None),
        ('lead.type.matches("(")', "INVALID_ARGUMENT", None),
    ],
)
def test_a_condition_that_fails_names_code_and_predicate(
    condition: str, code: str, failing: str | None
) -> None:
    expected = RuleResult(matched=False, failing_predicate=failing or condition, error=code)
    assert result_of(condition) == expected


class CountingExpression:
    """Answers, and counts how often it was asked."""

    def __init__(self, answer: bool) -> None:
        self.expression = compile_condition(str(answer).lower()).predicates[0].expression
        self.asked = 0

    def eval(self, facts: cel.Activation) -> cel.Value:
        self.asked += 1
        return self.expression.eval(facts)


def test_each_part_is_evaluated_once_up_to_the_false_one() -> None:
    expressions = [CountingExpression(answer) for answer in (True, False, True)]
    predicates = [
        Predicate(text=str(number), expression=expression)
        for number, expression in enumerate(expressions)
    ]
    result = evaluate(Condition(predicates=tuple(predicates)), activation(facts_of(a_lead())))
    assert result == RuleResult(matched=False, failing_predicate="1")
    assert [expression.asked for expression in expressions] == [1, 1, 0]


def test_a_result_never_quotes_the_lead() -> None:
    result = result_of('lead.answers[lead.full_name][0] == "y"', full_name="Ada Secret")
    assert result.error == "NOT_FOUND"
    assert "Ada Secret" not in repr(result)


def test_the_iterations_of_a_condition_are_bounded() -> None:
    hundred = str(list(range(100)))
    assert result_of(f"{hundred}.all(a, {hundred}.all(b, true))").error == "INTERNAL"


def test_a_condition_is_compiled_once() -> None:
    assert compile_condition("lead.has_phone") is compile_condition("lead.has_phone")


def test_every_name_has_a_fact_and_every_fact_a_name() -> None:
    assert facts_of(a_lead()).keys() == NAMES.keys()
    assert worst_facts("true").keys() == NAMES.keys()
