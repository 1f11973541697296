"""Conversations and events, in the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.chassis.database import Database, Record
from services.chassis.trace import TraceContext
from services.sync.interactions import Interaction, Reject
from services.sync.rows import ConversationToStore
from services.sync.store.arrays import conversation_arrays, event_arrays, events_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldPageEvent:
    """What ingest tells of a page: an interaction with its contact, or what cannot be read."""

    org_id: UUID
    event_id: UUID
    platform: str
    facebook_page_id: str
    contact_external_id: str
    interaction: Interaction | None
    reject: Reject | None
    told_at: datetime
    trace: TraceContext


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldTimelineEvent:
    """What another service tells."""

    org_id: UUID
    event_id: UUID
    type: str
    lead_id: UUID | None
    subject_id: UUID | None
    payload: dict[str, Any]
    content_hash: str
    occurred_at: datetime
    trace: TraceContext


class ConversationStore:
    """Conversations of sync's schema."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def bulk_upsert_conversations_with_events(
        self,
        org_id: UUID,
        page_id: UUID,
        conversations: Sequence[ConversationToStore],
        origin: str,
        traceparent: str,
    ) -> list[Record]:
        """Stores conversations of one page with their events; a row for each event."""
        events = events_of(conversations)
        return await self._database.rows(
            "bulk_upsert_conversations_with_events",
            p_org_ids=[org_id] * len(conversations),
            p_page_ids=[page_id] * len(conversations),
            **conversation_arrays(conversations),
            p_traceparents=[traceparent] * len(conversations),
            **events,
            p_origins=[origin] * len(events["p_event_ids"]),
        )

    async def record_page_events(self, told: Sequence[ToldPageEvent]) -> int:
        """Takes over what ingest tells; how many were new."""
        # A reject's place in the arrays is held by an event that is never stored.
        events = [each.interaction or _nothing(each) for each in told]
        new: int = await self._database.value(
            "record_page_events",
            p_org_ids=[each.org_id for each in told],
            p_platforms=[each.platform for each in told],
            p_facebook_page_ids=[each.facebook_page_id for each in told],
            p_contact_external_ids=[each.contact_external_id for each in told],
            **event_arrays(events),
            p_reject_reasons=[each.reject.reason if each.reject else None for each in told],
            p_raws=[each.reject.raw_json if each.reject else None for each in told],
            p_told_ats=[each.told_at for each in told],
            p_traceparents=[each.trace.traceparent for each in told],
        )
        return new

    async def record_timeline_events(self, teller: str, told: Sequence[ToldTimelineEvent]) -> int:
        """Takes over what another service tells; how many were new."""
        new: int = await self._database.value(
            "record_timeline_events",
            p_org_ids=[each.org_id for each in told],
            p_event_ids=[each.event_id for each in told],
            p_teller=teller,
            p_types=[each.type for each in told],
            p_lead_ids=[each.lead_id for each in told],
            p_subject_ids=[each.subject_id for each in told],
            p_payloads=[each.payload for each in told],
            p_content_hashes=[each.content_hash for each in told],
            p_occurred_ats=[each.occurred_at for each in told],
            p_traceparents=[each.trace.traceparent for each in told],
        )
        return new

    async def list_conversations(
        self,
        org_id: UUID,
        limit: int,
        before: tuple[datetime, UUID] | None = None,
        *,
        page_id: UUID | None = None,
        conversation_id: UUID | None = None,
        query: str | None = None,
    ) -> list[Record]:
        """Conversations after (active at, id), the last one active first."""
        active_at, last_id = before or (None, None)
        return await self._database.rows(
            "list_conversations",
            p_org_id=org_id,
            p_page_id=page_id,
            p_conversation_id=conversation_id,
            p_query=query,
            p_limit=limit,
            p_before_active_at=active_at,
            p_before=last_id,
        )

    async def list_conversation_events(
        self,
        org_id: UUID,
        conversation_id: UUID,
        limit: int,
        before: tuple[datetime, UUID] | None = None,
    ) -> list[Record]:
        """A conversation's events after (occurred at, id), newest first."""
        occurred_at, event_id = before or (None, None)
        return await self._database.rows(
            "list_conversation_events",
            p_org_id=org_id,
            p_conversation_id=conversation_id,
            p_limit=limit,
            p_before_occurred_at=occurred_at,
            p_before=event_id,
        )

    async def update_conversation(
        self, org_id: UUID, conversation_id: UUID, version: int, status: str, traceparent: str
    ) -> int:
        """Its new version. Raises CONVERSATION_NOT_FOUND, ETAG_MISMATCH."""
        updated: int = await self._database.value(
            "update_conversation",
            p_org_id=org_id,
            p_conversation_id=conversation_id,
            p_version=version,
            p_status=status,
            p_traceparent=traceparent,
        )
        return updated


def _nothing(told: ToldPageEvent) -> Interaction:
    return Interaction(
        event_id=told.event_id,
        type="unreadable",
        direction="none",
        actor="",
        occurred_at=told.told_at,
        content_at=told.told_at,
        payload={},
    )
