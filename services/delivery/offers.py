"""Leads as offered to workspaces."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from services.chassis.trace import TraceContext

POLICIES: Final = frozenset({"direct", "manual"})
# Which steps there are between them is the trigger's to say: validate_lead_offer_status_transition.
STATUSES: Final = frozenset(
    {
        "PENDING_MAPPING",
        "TO_BE_CONTACTED",
        "CONTACTED",
        "ENGAGED",
        "QUALIFYING",
        "SCORED",
        "LEAD_READY",
        "SENT_TO_DEVELOPER",
        "COOLING",
        "REACTIVATION",
        "DISQUALIFIED",
        "STOPPED",
        "HUMAN_HANDOFF",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOffer:
    """An offer to take over, with the ids it gets; `payload` is a JSON object as text."""

    org_id: UUID
    lead_id: UUID
    workspace_id: UUID
    offer_id: UUID
    delivery_id: UUID
    offer_policy: str
    payload: str = field(repr=False)
    trace: TraceContext


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenOffer:
    """An offer that was taken over, now (`created`) or before."""

    lead_id: UUID
    workspace_id: UUID
    offer_id: UUID
    created: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A lead as offered to a workspace."""

    offer_id: UUID
    lead_id: UUID
    workspace_id: UUID
    status: str
    delivery_id: UUID | None
    created_at: datetime
    trace_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferEvent:
    """One step of an offer; the first has no state before it."""

    from_status: str | None
    to_status: str
    actor: str
    occurred_at: datetime
