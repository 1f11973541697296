"""Whose leads the judge comes to when there is no time for all."""

from mmap import mmap
from types import SimpleNamespace
from typing import Any

import pytest

from services.routing import judge
from services.routing.facts import facts_of
from services.routing.hearings import (
    PLACE_BYTES,
    Answer,
    Case,
    Docket,
    Hearing,
    JudgeLimits,
    Place,
    Verdict,
)
from tests.unit.routing.builders import a_lead


class SlowEngine:
    """A clock that only judging moves: a second for each condition."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def judge(self, condition: Any, facts: Any) -> Verdict:
        self.now += 1
        return Verdict(matched=True)


def a_docket(first: int, leads: int) -> Docket:
    numbers = range(first, first + leads)
    cases = [Case(number=number, facts=facts_of(a_lead()), overran=[]) for number in numbers]
    return Docket(conditions=["true"], cases=cases)


@pytest.mark.parametrize(
    ("leads", "seconds_max", "judged"),
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
    judged: tuple[int, int],
) -> None:
    engine = SlowEngine()
    monkeypatch.setattr(judge, "time", SimpleNamespace(monotonic=engine.monotonic))
    monkeypatch.setattr(judge, "judge", engine.judge)
    answers: list[Answer] = []
    dockets = [a_docket(0, leads[0]), a_docket(1000, leads[1])]
    judge.hear(
        Hearing(dockets=dockets, seconds_max=seconds_max),
        JudgeLimits(lead_cpu_seconds=0),
        Place(mmap(-1, PLACE_BYTES)),
        answers.append,
    )
    numbers = [item.number for answer in answers for item in answer.judged]
    assert numbers == [*range(judged[0]), *range(1000, 1000 + judged[1])]
    assert [answer.is_last for answer in answers] == [False] * (len(answers) - 1) + [True]


def test_what_is_judged_leaves_before_the_process_can_be_ended_by_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = SlowEngine()
    monkeypatch.setattr(judge, "time", SimpleNamespace(monotonic=engine.monotonic))
    monkeypatch.setattr(judge, "judge", engine.judge)
    answers: list[Answer] = []
    judge.hear(
        Hearing(dockets=[a_docket(0, 3)], seconds_max=60),
        JudgeLimits(lead_cpu_seconds=0),
        Place(mmap(-1, PLACE_BYTES)),
        answers.append,
    )
    assert [[item.number for item in answer.judged] for answer in answers] == [[0], [1], [2]]
