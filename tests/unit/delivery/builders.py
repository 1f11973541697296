"""Claims and results with defaults."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from services.chassis.trace import child_of, new_root
from services.delivery.outcomes import Outcome
from services.delivery.sending import Claim, Result, Target

NOW = datetime(2027, 1, 4, 12, tzinfo=UTC)


def a_claim(**changes: Any) -> Claim:
    """A first try at one endpoint."""
    trace = new_root()
    target = Target(
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


def a_result(outcome: Outcome, *, asked_seconds: float | None = None) -> Result:
    """What became of an attempt."""
    return Result(attempt_id=uuid4(), outcome=outcome, asked_seconds=asked_seconds)
