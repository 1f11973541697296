"""Deliveries and their attempts, as people see them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

STATUSES: Final = frozenset(
    {"PENDING", "IN_PROGRESS", "DELIVERED", "PARTIAL", "FAILED", "DEAD_LETTER"}
)
Completion = Literal[
    "completed", "duplicate", "insufficient_credits", "lease_lost", "state_refused", "not_found"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Sending one offer to a workspace's endpoints."""

    delivery_id: UUID
    offer_id: UUID
    lead_id: UUID
    workspace_id: UUID
    status: str
    waiting_for: str | None
    attempt_count: int
    next_attempt_at: datetime | None
    created_at: datetime
    completed_at: datetime | None
    trace_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try at one endpoint; no outcome while it goes on."""

    attempt_id: UUID
    endpoint_id: UUID
    number: int
    outcome: str | None
    status_code: int | None
    error: str | None
    started_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionByHand:
    """A delivery that somebody says has arrived."""

    org_id: UUID
    delivery_id: UUID
    traceparent: str
