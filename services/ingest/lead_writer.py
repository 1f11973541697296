"""Writes leads, of callers and of webhook items: concurrent ones share one commit."""

from collections.abc import Mapping
from typing import TypeAlias
from uuid import UUID

from services.chassis.batching import GroupCommit
from services.chassis.database import is_outage
from services.chassis.errors import DomainError
from services.chassis.loops import Wake
from services.ingest.config import IngestConfig
from services.ingest.records.leads import LeadToStore, StoredLead
from services.ingest.refusals import request_id_reused
from services.ingest.store import IngestStore

LeadWriter: TypeAlias = GroupCommit[LeadToStore, StoredLead]


def lead_writer(store: IngestStore, config: IngestConfig, handoffs: Wake) -> LeadWriter:
    """A group commit over create_leads_with_conversations; sets `handoffs` after each flush."""

    async def flush(leads: Mapping[UUID, LeadToStore]) -> Mapping[UUID, StoredLead | Exception]:
        stored = await store.create_leads_with_conversations(list(leads.values()))
        handoffs.set()
        return {lead_id: _outcome(leads[lead_id], lead) for lead_id, lead in stored.items()}

    return GroupCommit(
        flush,
        batch_items_max=config.lead_batch_max,
        waiting_items_max=config.leads_waiting_max,
        is_outage=is_outage,
    )


def _outcome(lead: LeadToStore, stored: StoredLead) -> StoredLead | DomainError:
    if stored.outcome != "request_id_reused":
        return stored
    return request_id_reused(lead.request_id.value or "")
