"""What is done with a delivery after the answers of its endpoints."""

from collections.abc import Sequence
from typing import Final

from services.delivery.backoff import BackoffPolicy, delay_seconds
from services.delivery.records import AttemptResult, Claim, HoldAction, NextStep
from services.delivery.response_classification import (
    ACCEPTED,
    GONE,
    REJECTED,
    RETRIABLE,
    RETURNED,
    UNKNOWN,
)

EXHAUSTED: Final = "exhausted"


def next_step(
    claim: Claim, results: Sequence[AttemptResult], policy: BackoffPolicy, *, jitter: float
) -> NextStep:
    """What follows from the results of these attempts and from earlier answers.

    While an endpoint may still accept the lead it is tried again, until the schedule ends; a
    throttled one is tried when its throttle ends. After that one acceptance is enough to complete
    the delivery, partially when any other endpoint did not accept, for whatever cause.
    `jitter` is a random number from 0 to 1.
    """
    retriable = [result for result in results if result.outcome in RETRIABLE]
    hold_action = _hold_action(claim, results)
    if retriable or claim.throttled_count:
        delay = delay_seconds(
            policy,
            attempt=claim.attempt_count,
            retry_after_seconds=_retry_after_seconds(retriable),
            jitter=jitter,
        )
        if delay is not None:
            return NextStep(action="retry", retry_after_seconds=delay, hold_action=hold_action)
    if _is_accepted(claim, results):
        missing = claim.failed_count + claim.throttled_count + claim.missed_count
        refused = any(result.outcome != ACCEPTED for result in results)
        return NextStep(action="complete_partial" if missing or refused else "complete")
    return _without_acceptance(claim, results, hold_action)


def _without_acceptance(
    claim: Claim, results: Sequence[AttemptResult], hold_action: HoldAction
) -> NextStep:
    """No endpoint accepted it: the delivery ends, or waits until its endpoint is enabled again."""
    outcomes = {result.outcome for result in results}
    if RETURNED in outcomes:
        return NextStep(action="fail", reason=RETURNED, hold_action=hold_action)
    if outcomes & RETRIABLE or claim.throttled_count:
        return NextStep(action="dead_letter", reason=EXHAUSTED, hold_action=hold_action)
    if REJECTED in outcomes or claim.failed_count or not results:
        return NextStep(action="dead_letter", reason=REJECTED, hold_action=hold_action)
    return NextStep(action="defer", reason=GONE, hold_action=hold_action)


def _hold_action(claim: Claim, results: Sequence[AttemptResult]) -> HoldAction:
    """What is done with the credit while the delivery is not completed.

    It is due from a buyer that has the lead, and stays reserved for a while for one that may.
    """
    if _is_accepted(claim, results):
        return "extend"
    if any(result.outcome == UNKNOWN for result in results):
        return "keep"
    return "release"


def _is_accepted(claim: Claim, results: Sequence[AttemptResult]) -> bool:
    return claim.accepted_count > 0 or any(result.outcome == ACCEPTED for result in results)


def _retry_after_seconds(results: Sequence[AttemptResult]) -> float | None:
    return max((result.retry_after_seconds or 0.0 for result in results), default=None)
