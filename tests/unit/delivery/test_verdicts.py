from typing import get_args

import hypothesis.strategies as st
import pytest
from hypothesis import given

from services.delivery.backoff import BackoffPolicy
from services.delivery.outcomes import Outcome
from services.delivery.verdicts import verdict_of
from tests.unit.delivery.builders import a_claim, a_result

POLICY = BackoffPolicy()
LAST = POLICY.attempts_max
OUTCOMES = get_args(Outcome)


@pytest.mark.parametrize(
    ("attempt", "outcomes", "kind", "reason", "hold_fate"),
    [
        (1, ["accepted"], "DELIVERED", None, "release"),
        (1, ["accepted", "accepted"], "DELIVERED", None, "release"),
        (1, ["accepted", "rejected"], "PARTIAL", None, "release"),
        (1, ["accepted", "returned"], "PARTIAL", None, "release"),
        (1, ["accepted", "gone"], "PARTIAL", None, "release"),
        (1, ["accepted", "retry"], "retry", None, "extend"),
        (1, ["accepted", "unknown"], "retry", None, "extend"),
        (LAST, ["accepted", "retry"], "PARTIAL", None, "release"),
        (1, ["retry"], "retry", None, "release"),
        (1, ["throttled"], "retry", None, "release"),
        (1, ["redirected"], "retry", None, "release"),
        (1, ["unknown"], "retry", None, "keep"),
        (1, ["rejected", "retry"], "retry", None, "release"),
        (1, ["gone", "retry"], "retry", None, "release"),
        (LAST, ["retry"], "DEAD_LETTER", "exhausted", "release"),
        (LAST, ["unknown"], "DEAD_LETTER", "exhausted", "keep"),
        (LAST, ["rejected", "retry"], "DEAD_LETTER", "exhausted", "release"),
        (1, ["rejected"], "DEAD_LETTER", "rejected", "release"),
        (1, ["returned"], "FAILED", "returned", "release"),
        (1, ["returned", "rejected"], "FAILED", "returned", "release"),
        (1, ["gone"], "defer", "gone", "release"),
        (1, ["gone", "rejected"], "DEAD_LETTER", "rejected", "release"),
    ],
)
def test_what_the_answers_add_up_to(
    attempt: int, outcomes: list[Outcome], kind: str, reason: str | None, hold_fate: str
) -> None:
    claim = a_claim(attempt_count=attempt)
    verdict = verdict_of(claim, [a_result(one) for one in outcomes], POLICY, jitter=0)
    assert (verdict.kind, verdict.reason) == (kind, reason)
    if kind not in ("DELIVERED", "PARTIAL"):
        assert verdict.hold_fate == hold_fate


def test_what_the_endpoints_said_before_counts() -> None:
    claim = a_claim(accepted_count=1)
    assert verdict_of(claim, [], POLICY, jitter=0).kind == "DELIVERED"
    assert verdict_of(claim, [a_result("rejected")], POLICY, jitter=0).kind == "PARTIAL"
    claim = a_claim(accepted_count=1, failed_count=1)
    assert verdict_of(claim, [a_result("accepted")], POLICY, jitter=0).kind == "PARTIAL"
    claim = a_claim(failed_count=1)
    assert verdict_of(claim, [a_result("gone")], POLICY, jitter=0).kind == "DEAD_LETTER"


@pytest.mark.parametrize("outcome", ["accepted", "rejected", "gone"])
def test_a_throttled_endpoint_gets_its_try_after_the_others(outcome: Outcome) -> None:
    claim = a_claim(throttled_count=1)
    verdict = verdict_of(claim, [a_result(outcome)], POLICY, jitter=0)
    assert verdict.kind == "retry"
    assert verdict.hold_fate == ("extend" if outcome == "accepted" else "release")
    last = a_claim(throttled_count=1, attempt_count=LAST)
    kind = "PARTIAL" if outcome == "accepted" else "DEAD_LETTER"
    assert verdict_of(last, [a_result(outcome)], POLICY, jitter=0).kind == kind


def test_an_endpoint_disabled_before_it_took_the_lead_makes_it_partial() -> None:
    claim = a_claim(missed_count=1)
    assert verdict_of(claim, [a_result("accepted")], POLICY, jitter=0).kind == "PARTIAL"
    assert verdict_of(claim, [a_result("gone")], POLICY, jitter=0).kind == "defer"


def test_the_longest_wait_that_was_asked_for_is_kept() -> None:
    results = [a_result("throttled", asked_seconds=60), a_result("retry", asked_seconds=90)]
    assert verdict_of(a_claim(), results, POLICY, jitter=0).retry_after_seconds == 90


@given(
    st.lists(st.sampled_from(OUTCOMES), max_size=4),
    st.integers(1, LAST),
    st.integers(0, 2),
    st.integers(0, 2),
)
def test_a_lead_that_a_buyer_has_is_never_lost_and_one_that_none_has_never_charged(
    outcomes: list[Outcome], attempt: int, accepted: int, failed: int
) -> None:
    claim = a_claim(attempt_count=attempt, accepted_count=accepted, failed_count=failed)
    verdict = verdict_of(claim, [a_result(one) for one in outcomes], POLICY, jitter=0.5)
    if accepted or "accepted" in outcomes:
        assert verdict.kind in ("DELIVERED", "PARTIAL", "retry")
        assert verdict.kind != "retry" or verdict.hold_fate == "extend"
    else:
        assert verdict.kind not in ("DELIVERED", "PARTIAL")
        assert verdict.hold_fate == ("keep" if "unknown" in outcomes else "release")
    if verdict.kind == "retry":
        assert attempt < LAST
