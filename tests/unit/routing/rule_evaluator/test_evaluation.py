"""Whose leads are evaluated when there is no time for all."""

from mmap import mmap
from types import SimpleNamespace
from typing import Any

import pytest

from services.routing.facts import facts_of
from services.routing.rule_evaluator import evaluation
from services.routing.rule_evaluator.protocol import (
    PROGRESS_BYTES,
    EvaluationRequest,
    EvaluatorLimits,
    LeadInput,
    OrgRules,
    Progress,
    ResponsePart,
    RuleResult,
)
from tests.unit.routing.builders import a_lead


class SlowEngine:
    """A clock that only evaluating moves: a second for each condition."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def evaluate(self, condition: Any, facts: Any) -> RuleResult:
        self.now += 1
        return RuleResult(matched=True)


def org_rules(first: int, leads: int) -> OrgRules:
    numbers = range(first, first + leads)
    inputs = [
        LeadInput(number=number, facts=facts_of(a_lead()), timed_out=[]) for number in numbers
    ]
    return OrgRules(conditions=["true"], leads=inputs)


@pytest.mark.parametrize(
    ("leads", "seconds_max", "evaluated"),
    [
        # Ten seconds: five for each of two, and what one leaves is the other's.
        ((100, 100), 9.5, (5, 5)),
        ((2, 100), 9.5, (2, 8)),
        ((100, 2), 9.5, (5, 2)),
        ((100, 100), -1, (1, 0)),
    ],
)
def test_orgs_share_the_time(
    monkeypatch: pytest.MonkeyPatch,
    leads: tuple[int, int],
    seconds_max: float,
    evaluated: tuple[int, int],
) -> None:
    engine = SlowEngine()
    monkeypatch.setattr(evaluation, "time", SimpleNamespace(monotonic=engine.monotonic))
    monkeypatch.setattr(evaluation, "evaluate", engine.evaluate)
    parts: list[ResponsePart] = []
    orgs = [org_rules(0, leads[0]), org_rules(1000, leads[1])]
    evaluation.evaluate_leads(
        EvaluationRequest(orgs=orgs, seconds_max=seconds_max),
        EvaluatorLimits(lead_cpu_seconds=0),
        Progress(mmap(-1, PROGRESS_BYTES)),
        parts.append,
    )
    numbers = [item.number for part in parts for item in part.leads]
    assert numbers == [*range(evaluated[0]), *range(1000, 1000 + evaluated[1])]
    assert [part.is_last for part in parts] == [False] * (len(parts) - 1) + [True]


def test_results_are_sent_before_the_next_lead_can_end_the_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = SlowEngine()
    monkeypatch.setattr(evaluation, "time", SimpleNamespace(monotonic=engine.monotonic))
    monkeypatch.setattr(evaluation, "evaluate", engine.evaluate)
    parts: list[ResponsePart] = []
    evaluation.evaluate_leads(
        EvaluationRequest(orgs=[org_rules(0, 3)], seconds_max=60),
        EvaluatorLimits(lead_cpu_seconds=0),
        Progress(mmap(-1, PROGRESS_BYTES)),
        parts.append,
    )
    assert [[item.number for item in part.leads] for part in parts] == [[0], [1], [2]]
