"""Leads with their contact, conversation and first message."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from services.chassis.database import Database, Record
from services.ingest.records.leads import (
    FormAnswer,
    IncomingLead,
    LeadToStore,
    ListedLead,
    StoredLead,
)
from services.ingest.records.webhooks import ClaimedItem


class LeadStore:
    """Leads, and which item makes the lead that a provider names."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def upsert_lead_sources(self, items: Sequence[ClaimedItem]) -> set[UUID]:
        """Which of the items make the lead that they name; the others are duplicates."""
        rows = await self._database.rows(
            "upsert_lead_sources",
            p_org_ids=[item.org_id for item in items],
            p_source_ids=[item.source_id for item in items],
            p_external_ids=[item.external_id for item in items],
            p_item_ids=[item.item_id for item in items],
            p_traceparents=[item.trace.traceparent for item in items],
        )
        return {row["item_id"] for row in rows if row["owned"]}

    async def create_leads_with_conversations(
        self, leads: Sequence[LeadToStore]
    ) -> dict[UUID, StoredLead]:
        """What became of each lead, by the id it was to have."""
        # calls create_leads_with_conversations_v2: the one that says whether a contact is new.
        rows = await self._database.rows(
            "create_leads_with_conversations_v2",
            p_org_ids=[each.org_id for each in leads],
            p_lead_ids=[each.lead.lead_id for each in leads],
            p_leads=[to_json(each.lead) for each in leads],
            p_traceparents=[each.traceparent for each in leads],
            p_item_ids=[each.item_id for each in leads],
            p_attempt_trace_ids=[each.attempt_trace_id for each in leads],
            p_request_ids=[each.request_id.value for each in leads],
            p_request_hashes=[each.request_id.content_hash for each in leads],
            p_tokens=[each.token for each in leads],
        )
        return {
            row["new_lead_id"]: StoredLead(
                outcome=row["outcome"],
                lead_id=row["lead_id"],
                conversation_id=row["conversation_id"],
                contact_is_new=row["contact_is_new"],
            )
            for row in rows
        }

    async def get_lead(self, org_id: UUID, lead_id: UUID) -> ListedLead | None:
        """One lead; None where the org has no such lead."""
        # calls list_leads: a lead is read as a page of one.
        row = await self._database.row("list_leads", p_org_id=org_id, p_lead_id=lead_id, p_limit=1)
        return None if row is None else _to_lead(row)

    async def list_leads(
        self, org_id: UUID, *, limit: int, before: UUID | None
    ) -> list[ListedLead]:
        """A page of leads, newest first."""
        rows = await self._database.rows(
            "list_leads", p_org_id=org_id, p_lead_id=None, p_limit=limit, p_before=before
        )
        return [_to_lead(row) for row in rows]


def _to_lead(row: Record) -> ListedLead:
    answers = tuple(
        FormAnswer(name=each["name"], values=tuple(each["values"])) for each in row["answers"]
    )
    return ListedLead(**{**row, "answers": answers})


def to_json(lead: IncomingLead) -> dict[str, Any]:
    """The lead as create_leads_with_conversations documents it."""
    message = lead.message
    return {
        "contact_id": str(lead.contact_id),
        "conversation_id": str(lead.conversation_id),
        "outbox_id": str(lead.outbox_id),
        "source_id": str(lead.source_id),
        "source_kind": lead.source_kind,
        "type": lead.type,
        "identities": [{"kind": each.kind, "value": each.value} for each in lead.identities],
        "phone": lead.phone,
        "phone_raw": lead.phone_raw,
        "email": lead.email,
        "full_name": lead.full_name,
        "details": lead.details,
        "answers": [{"name": each.name, "values": list(each.values)} for each in lead.answers],
        "consents": dict(lead.consents),
        "received_at": lead.received_at.isoformat(),
        "external_id": lead.external_id,
        "first_contact": lead.first_contact,
        "message": message
        and {
            "message_id": str(message.message_id),
            "external_id": message.external_id,
            "body": message.body,
            "sent_at": message.sent_at.isoformat() if message.sent_at else None,
        },
    }
