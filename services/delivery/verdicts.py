"""What the answers of a delivery's endpoints add up to."""

from collections.abc import Sequence
from typing import Final

from services.delivery.backoff import BackoffPolicy, delay_seconds
from services.delivery.outcomes import ACCEPTED, AGAIN, GONE, REJECTED, RETURNED, UNKNOWN
from services.delivery.sending import Claim, HoldFate, Result, Verdict

EXHAUSTED: Final = "exhausted"


def verdict_of(
    claim: Claim, results: Sequence[Result], policy: BackoffPolicy, *, jitter: float
) -> Verdict:
    """What follows from this try's results and what the endpoints said before.

    While an endpoint may still take the lead it is tried again, until the schedule ends; one that
    is throttled gets its try when it is free. After that one acceptance is enough to be paid for:
    DELIVERED when every endpoint took it, PARTIAL when some did not, for whatever cause.
    `jitter` is a random number from 0 to 1.
    """
    again = [result for result in results if result.outcome in AGAIN]
    hold_fate = _hold_fate(claim, results)
    if again or claim.throttled_count:
        delay = delay_seconds(
            policy, attempt=claim.attempt_count, asked_seconds=_asked(again), jitter=jitter
        )
        if delay is not None:
            return Verdict(kind="retry", retry_after_seconds=delay, hold_fate=hold_fate)
    if _accepted(claim, results):
        missing = claim.failed_count + claim.throttled_count + claim.missed_count
        refused = any(result.outcome != ACCEPTED for result in results)
        return Verdict(kind="PARTIAL" if missing or refused else "DELIVERED")
    return _lost(claim, results, hold_fate)


def _lost(claim: Claim, results: Sequence[Result], hold_fate: HoldFate) -> Verdict:
    """Nobody took it: for good, or until its endpoint is back."""
    outcomes = {result.outcome for result in results}
    if RETURNED in outcomes:
        return Verdict(kind="FAILED", reason=RETURNED, hold_fate=hold_fate)
    if outcomes & AGAIN or claim.throttled_count:
        return Verdict(kind="DEAD_LETTER", reason=EXHAUSTED, hold_fate=hold_fate)
    if REJECTED in outcomes or claim.failed_count or not results:
        return Verdict(kind="DEAD_LETTER", reason=REJECTED, hold_fate=hold_fate)
    return Verdict(kind="defer", reason=GONE, hold_fate=hold_fate)


def _hold_fate(claim: Claim, results: Sequence[Result]) -> HoldFate:
    """What becomes of the credit while the delivery is not completed.

    A buyer who has the lead owes its credit; one who may have it keeps it reserved for a while.
    """
    if _accepted(claim, results):
        return "extend"
    if any(result.outcome == UNKNOWN for result in results):
        return "keep"
    return "release"


def _accepted(claim: Claim, results: Sequence[Result]) -> bool:
    return claim.accepted_count > 0 or any(result.outcome == ACCEPTED for result in results)


def _asked(results: Sequence[Result]) -> float | None:
    return max((result.asked_seconds or 0.0 for result in results), default=None)
