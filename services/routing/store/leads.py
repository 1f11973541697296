"""Leads, in the database: taken over, read, expired."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from services.chassis.database import Database
from services.routing.records import Lead, LoggedDecision, NewLead, Routing


class LeadStore:
    """Leads of routing's schema."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def enqueue_leads(self, leads: Sequence[NewLead]) -> int:
        """Takes leads over; those that are here already stay as they are. How many were new."""
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
        """How many of at most `limit` leads expired; None when another process ran this tick."""
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
