"""Leads and rules with defaults."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from mmap import mmap
from typing import Any
from uuid import UUID, uuid4

from services.chassis.ids import new_id
from services.chassis.sealing import KeyRing
from services.chassis.trace import TraceContext, new_root
from services.routing.hearings import PLACE_BYTES, Answer, JudgeLimits, Place, Request, Trial
from services.routing.judge import hear, tried
from services.routing.judging import Overrun
from services.routing.leads import HeldLead, Lead
from services.routing.matching import Rule

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


def a_held_lead(
    lead: Lead | None = None,
    *,
    attempt: int = 1,
    interruptions: int = 0,
    waited: timedelta = timedelta(seconds=1),
    trace: TraceContext | None = None,
    previous: TraceContext | None = None,
) -> HeldLead:
    """A lead on its first attempt, claimed a second after it was enqueued."""
    return HeldLead(
        lead=lead or a_lead(),
        attempt=attempt,
        interruptions=interruptions,
        enqueued_at=NOW,
        was_due_at=NOW,
        locked_at=NOW + waited,
        trace=trace or new_root(),
        previous=previous,
    )


class NearJudge:
    """Judges in this process, so without a bound on CPU time and memory."""

    async def ask(self, request: Request, take: Callable[[Answer], None]) -> Overrun | None:
        """As `Judge` says; nothing ends it."""
        limits = JudgeLimits(lead_cpu_seconds=0, trial_cpu_seconds=0)
        place = Place(mmap(-1, PLACE_BYTES))
        if isinstance(request, Trial):
            take(tried(request, limits, place))
        else:
            hear(request, limits, place, take)
        return None
