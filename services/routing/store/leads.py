"""Leads, in the database: taken over, looked at, expired."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.chassis.database import Database
from services.routing.leads import Answer, Lead, NewLead


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """Where a lead's routing stands."""

    routing_status: str
    workspace_id: UUID | None
    routing_error: str | None
    routing_attempts: int
    next_retry_at: datetime | None
    trace_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedDecision:
    """A decision as it was logged; the candidates are those of `candidates_json`."""

    attempt: int
    outcome: str
    rule_id: UUID | None
    rule_version: int | None
    workspace_id: UUID | None
    candidates: list[dict[str, Any]]
    decided_at: datetime


class LeadStore:
    """Leads of routing's schema."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def enqueue_leads(self, leads: Sequence[NewLead]) -> int:
        """Takes leads over, those that are here already as they are; answers how many were new."""
        new: int = await self._database.value(
            "enqueue_leads",
            p_org_ids=[item.lead.org_id for item in leads],
            p_lead_ids=[item.lead.lead_id for item in leads],
            p_source_ids=[item.lead.source_id for item in leads],
            p_phones=[item.lead.phone for item in leads],
            p_emails=[item.lead.email for item in leads],
            p_facts=[_facts_json(item.lead) for item in leads],
            p_received_ats=[item.lead.received_at for item in leads],
            p_traceparents=[item.trace.traceparent for item in leads],
            p_tracestates=[item.trace.tracestate for item in leads],
        )
        return new

    async def get_routing(self, org_id: UUID, lead_id: UUID) -> Routing | None:
        """Where the lead's routing stands, or None where it is not here."""
        row = await self._database.row("get_routing", p_org_id=org_id, p_lead_id=lead_id)
        return None if row is None else Routing(**row)

    async def list_decisions(self, org_id: UUID, lead_id: UUID) -> list[LoggedDecision]:
        """Every decision on the lead, oldest first."""
        rows = await self._database.rows("list_decisions", p_org_id=org_id, p_lead_id=lead_id)
        return [LoggedDecision(**row) for row in rows]

    async def expire_leads(
        self, *, limit: int, every_seconds: float, traceparent: str
    ) -> int | None:
        """Expires leads whose 90 days are over; None when another process ran this tick."""
        expired: int | None = await self._database.value(
            "expire_leads",
            p_limit=limit,
            p_every_seconds=every_seconds,
            p_traceparent=traceparent,
        )
        return expired


def _facts_json(lead: Lead) -> dict[str, Any]:
    return {
        "type": lead.type,
        "source_kind": lead.source_kind,
        "full_name": lead.full_name,
        "details": lead.details,
        "answers": [[answer.name, answer.values] for answer in lead.answers],
        "consents": dict(lead.consents),
    }


def to_lead(row: Any) -> Lead:
    """The lead that a row of `acquire_routing_locks` holds."""
    facts = row["facts"]
    return Lead(
        org_id=row["org_id"],
        lead_id=row["lead_id"],
        source_id=row["source_id"],
        source_kind=facts["source_kind"],
        type=facts["type"],
        phone=row["phone"],
        email=row["email"],
        full_name=facts["full_name"],
        details=facts["details"],
        answers=tuple(Answer(name=name, values=tuple(values)) for name, values in facts["answers"]),
        consents=facts["consents"],
        received_at=row["received_at"],
    )
