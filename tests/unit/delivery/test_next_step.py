from typing import get_args

import hypothesis.strategies as st
import pytest
from hypothesis import given

from services.delivery.backoff import BackoffPolicy
from services.delivery.next_step import next_step
from services.delivery.records import AttemptOutcome
from tests.unit.delivery.builders import a_claim, a_result

POLICY = BackoffPolicy()
LAST = POLICY.attempts_max
OUTCOMES = get_args(AttemptOutcome)


@pytest.mark.parametrize(
    ("attempt", "outcomes", "action", "reason", "hold_action"),
    [
        (1, ["accepted"], "complete", None, "release"),
        (1, ["accepted", "accepted"], "complete", None, "release"),
        (1, ["accepted", "rejected"], "complete_partial", None, "release"),
        (1, ["accepted", "returned"], "complete_partial", None, "release"),
        (1, ["accepted", "gone"], "complete_partial", None, "release"),
        (1, ["accepted", "retry"], "retry", None, "extend"),
        (1, ["accepted", "unknown"], "retry", None, "extend"),
        (LAST, ["accepted", "retry"], "complete_partial", None, "release"),
        (1, ["retry"], "retry", None, "release"),
        (1, ["throttled"], "retry", None, "release"),
        (1, ["redirected"], "retry", None, "release"),
        (1, ["unknown"], "retry", None, "keep"),
        (1, ["rejected", "retry"], "retry", None, "release"),
        (1, ["gone", "retry"], "retry", None, "release"),
        (LAST, ["retry"], "dead_letter", "exhausted", "release"),
        (LAST, ["unknown"], "dead_letter", "exhausted", "keep"),
        (LAST, ["rejected", "retry"], "dead_letter", "exhausted", "release"),
        (1, ["rejected"], "dead_letter", "rejected", "release"),
        (1, ["returned"], "fail", "returned", "release"),
        (1, ["returned", "rejected"], "fail", "returned", "release"),
        (1, ["gone"], "defer", "gone", "release"),
        (1, ["gone", "rejected"], "dead_letter", "rejected", "release"),
    ],
)
def test_each_combination_of_outcomes_has_its_next_step(
    attempt: int, outcomes: list[AttemptOutcome], action: str, reason: str | None, hold_action: str
) -> None:
    claim = a_claim(attempt_count=attempt)
    step = next_step(claim, [a_result(one) for one in outcomes], POLICY, jitter=0)
    assert (step.action, step.reason) == (action, reason)
    if action not in ("complete", "complete_partial"):
        assert step.hold_action == hold_action


def test_earlier_answers_of_the_endpoints_count() -> None:
    claim = a_claim(accepted_count=1)
    assert next_step(claim, [], POLICY, jitter=0).action == "complete"
    assert next_step(claim, [a_result("rejected")], POLICY, jitter=0).action == "complete_partial"
    claim = a_claim(accepted_count=1, failed_count=1)
    assert next_step(claim, [a_result("accepted")], POLICY, jitter=0).action == "complete_partial"
    claim = a_claim(failed_count=1)
    assert next_step(claim, [a_result("gone")], POLICY, jitter=0).action == "dead_letter"


@pytest.mark.parametrize("outcome", ["accepted", "rejected", "gone"])
def test_a_throttled_endpoint_is_tried_after_the_others(outcome: AttemptOutcome) -> None:
    claim = a_claim(throttled_count=1)
    step = next_step(claim, [a_result(outcome)], POLICY, jitter=0)
    assert step.action == "retry"
    assert step.hold_action == ("extend" if outcome == "accepted" else "release")
    last = a_claim(throttled_count=1, attempt_count=LAST)
    action = "complete_partial" if outcome == "accepted" else "dead_letter"
    assert next_step(last, [a_result(outcome)], POLICY, jitter=0).action == action


def test_an_endpoint_disabled_before_it_took_the_lead_makes_it_partial() -> None:
    claim = a_claim(missed_count=1)
    assert next_step(claim, [a_result("accepted")], POLICY, jitter=0).action == "complete_partial"
    assert next_step(claim, [a_result("gone")], POLICY, jitter=0).action == "defer"


def test_the_longest_retry_after_is_honoured() -> None:
    results = [
        a_result("throttled", retry_after_seconds=60),
        a_result("retry", retry_after_seconds=90),
    ]
    assert next_step(a_claim(), results, POLICY, jitter=0).retry_after_seconds == 90


@given(
    st.lists(st.sampled_from(OUTCOMES), max_size=4),
    st.integers(1, LAST),
    st.integers(0, 2),
    st.integers(0, 2),
)
def test_a_lead_that_a_buyer_has_is_never_lost_and_one_that_no_buyer_has_is_never_charged(
    outcomes: list[AttemptOutcome], attempt: int, accepted: int, failed: int
) -> None:
    claim = a_claim(attempt_count=attempt, accepted_count=accepted, failed_count=failed)
    step = next_step(claim, [a_result(one) for one in outcomes], POLICY, jitter=0.5)
    if accepted or "accepted" in outcomes:
        assert step.action in ("complete", "complete_partial", "retry")
        assert step.action != "retry" or step.hold_action == "extend"
    else:
        assert step.action not in ("complete", "complete_partial")
        assert step.hold_action == ("keep" if "unknown" in outcomes else "release")
    if step.action == "retry":
        assert attempt < LAST
