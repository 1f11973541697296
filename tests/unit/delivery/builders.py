"""Claims and results with defaults."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from services.chassis.trace import child_of, new_root
from services.delivery.records import AttemptOutcome, AttemptResult, AttemptTarget, Claim

NOW = datetime(2027, 1, 4, 12, tzinfo=UTC)


def a_claim(**changes: Any) -> Claim:
    """A first attempt at one endpoint."""
    trace = new_root()
    target = AttemptTarget(
        attempt_id=uuid4(),
        endpoint_id=uuid4(),
        url="https://buyer.example/leads",
        secrets=(),
        trace=child_of(trace),
    )
    defaults: dict[str, Any] = {
        "org_id": uuid4(),
        "delivery_id": uuid4(),
        "lead_id": uuid4(),
        "workspace_id": uuid4(),
        "token": uuid4(),
        "attempt_count": 1,
        "due_at": NOW,
        "accepted_count": 0,
        "failed_count": 0,
        "throttled_count": 0,
        "missed_count": 0,
        "payload": "{}",
        "trace": trace,
        "targets": (target,),
    }
    return Claim(**{**defaults, **changes})


def a_result(outcome: AttemptOutcome, *, retry_after_seconds: float | None = None) -> AttemptResult:
    """The result of an attempt."""
    return AttemptResult(
        attempt_id=uuid4(), outcome=outcome, retry_after_seconds=retry_after_seconds
    )
