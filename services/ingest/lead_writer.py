"""Writes leads that callers send: concurrent calls share one commit."""

from collections.abc import Mapping
from uuid import UUID

from services.chassis.batching import GroupCommit
from services.chassis.database import is_outage
from services.chassis.errors import DomainError
from services.chassis.loops import Wake
from services.ingest.config import IngestConfig
from services.ingest.store import IngestStore
from services.ingest.store.leads import LeadToStore, StoredLead


def lead_writer(
    store: IngestStore, config: IngestConfig, stored: Wake
) -> GroupCommit[LeadToStore, StoredLead]:
    """A group commit over create_leads_with_conversations; sets `stored` after each flush."""

    async def flush(leads: Mapping[UUID, LeadToStore]) -> Mapping[UUID, StoredLead | Exception]:
        outcomes = await store.create_leads_with_conversations(list(leads.values()))
        stored.set()
        return {lead_id: _outcome(leads[lead_id], result) for lead_id, result in outcomes.items()}

    return GroupCommit(
        flush,
        batch_items_max=config.lead_batch_max,
        waiting_items_max=config.leads_waiting_max,
        is_outage=is_outage,
    )


def _outcome(lead: LeadToStore, result: StoredLead) -> StoredLead | DomainError:
    if result.outcome != "request_id_reused":
        return result
    return DomainError(
        "REQUEST_ID_REUSED",
        "This request_id was used before with other content. Send a new one.",
        metadata={"request_id": lead.request.value or ""},
    )
