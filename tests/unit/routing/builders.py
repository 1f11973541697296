"""Leads and rules with defaults."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from mmap import mmap
from typing import Any
from uuid import UUID, uuid4

from services.chassis.ids import new_id
from services.chassis.sealing import KeyRing
from services.chassis.trace import TraceContext, new_root
from services.routing.records import ClaimedLead, Lead, Rule
from services.routing.rule_evaluator.client import TimedOut
from services.routing.rule_evaluator.evaluation import dry_run, evaluate_leads
from services.routing.rule_evaluator.protocol import (
    PROGRESS_BYTES,
    DryRunRequest,
    EvaluatorLimits,
    Progress,
    Request,
    ResponsePart,
)

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
RING = KeyRing(current=2, keys={1: b"1" * 32, 2: b"2" * 32})


def a_lead(**changes: Any) -> Lead:
    """A German order with a phone, an e-mail, and no answers."""
    defaults: dict[str, Any] = {
        "org_id": uuid4(),
        "lead_id": new_id(),
        "source_id": uuid4(),
        "source_kind": "api",
        "type": "order",
        "phone": "+4915112345678",
        "email": "ada@example.com",
        "full_name": "Ada Lovelace",
        "details": "An engine, please",
        "answers": (),
        "consents": {},
        "received_at": NOW,
    }
    return Lead(**{**defaults, **changes})


def a_rule(condition: str = "true", *, workspace_id: UUID | None = None, version: int = 1) -> Rule:
    """A rule that matches everything."""
    return Rule(
        rule_id=new_id(),
        version=version,
        workspace_id=workspace_id or uuid4(),
        condition=condition,
    )


def a_claimed_lead(
    lead: Lead | None = None,
    *,
    attempt: int = 1,
    interruptions: int = 0,
    waited: timedelta = timedelta(seconds=1),
    trace: TraceContext | None = None,
    previous: TraceContext | None = None,
) -> ClaimedLead:
    """A lead on its first attempt, claimed a second after it was enqueued."""
    return ClaimedLead(
        lead=lead or a_lead(),
        attempt=attempt,
        interruptions=interruptions,
        enqueued_at=NOW,
        was_due_at=NOW,
        locked_at=NOW + waited,
        trace=trace or new_root(),
        previous=previous,
    )


class InProcessEvaluator:
    """Evaluates in this process, so without a bound on CPU time and memory."""

    async def call(
        self, request: Request, receive: Callable[[ResponsePart], None]
    ) -> TimedOut | None:
        """As `RuleEvaluator` says; no rule times out."""
        limits = EvaluatorLimits(lead_cpu_seconds=0, dry_run_cpu_seconds=0)
        progress = Progress(mmap(-1, PROGRESS_BYTES))
        if isinstance(request, DryRunRequest):
            receive(dry_run(request, limits, progress))
        else:
            evaluate_leads(request, limits, progress, receive)
        return None
