"""Conversations and events, in the database."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from services.chassis.database import Database
from services.sync.records.conversations import (
    Conversation,
    ConversationChange,
    ConversationEvent,
    ConversationToStore,
    UpsertedEvent,
)
from services.sync.records.events import ReportedPageEvent, ReportedTimelineEvent
from services.sync.store.composites import conversations_to_store, events_to_store, page_events


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
        *,
        traceparent: str,
    ) -> list[UpsertedEvent]:
        """Stores conversations of one page with their events; a record for each event."""
        count = len(conversations)
        rows = await self._database.rows(
            "bulk_upsert_conversations_with_events",
            p_org_ids=[org_id] * count,
            p_page_ids=[page_id] * count,
            p_conversations=conversations_to_store(conversations),
            p_traceparents=[traceparent] * count,
            p_events=events_to_store(conversations),
            p_origin=origin,
        )
        return [UpsertedEvent(**row) for row in rows]

    async def record_page_events(self, events: Sequence[ReportedPageEvent]) -> int:
        """Takes over what ingest reports; returns how many were new."""
        new: int = await self._database.value(
            "record_page_events",
            p_org_ids=[each.org_id for each in events],
            p_events=page_events(events),
        )
        return new

    async def record_timeline_events(
        self, reporter: str, events: Sequence[ReportedTimelineEvent]
    ) -> int:
        """Takes over what another service reports; returns how many were new."""
        new: int = await self._database.value(
            "record_timeline_events",
            p_org_ids=[each.org_id for each in events],
            p_event_ids=[each.event_id for each in events],
            p_reporter=reporter,
            p_types=[each.type for each in events],
            p_lead_ids=[each.lead_id for each in events],
            p_subject_ids=[each.subject_id for each in events],
            p_payloads=[each.payload for each in events],
            p_content_hashes=[each.content_hash for each in events],
            p_occurred_ats=[each.occurred_at for each in events],
            p_traceparents=[each.trace.traceparent for each in events],
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
    ) -> list[Conversation]:
        """Conversations after (active at, id), the last one active first."""
        active_at, last_id = before or (None, None)
        rows = await self._database.rows(
            "list_conversations",
            p_org_id=org_id,
            p_page_id=page_id,
            p_conversation_id=conversation_id,
            p_query=query,
            p_limit=limit,
            p_before_active_at=active_at,
            p_before=last_id,
        )
        return [Conversation(**row) for row in rows]

    async def list_conversation_events(
        self,
        org_id: UUID,
        conversation_id: UUID,
        limit: int,
        before: tuple[datetime, UUID] | None = None,
    ) -> list[ConversationEvent]:
        """A conversation's events after (occurred at, id), newest first."""
        occurred_at, event_id = before or (None, None)
        rows = await self._database.rows(
            "list_conversation_events",
            p_org_id=org_id,
            p_conversation_id=conversation_id,
            p_limit=limit,
            p_before_occurred_at=occurred_at,
            p_before=event_id,
        )
        return [ConversationEvent(**row) for row in rows]

    async def update_conversation(
        self, org_id: UUID, change: ConversationChange, *, traceparent: str
    ) -> int:
        """Its new version. Raises CONVERSATION_NOT_FOUND, ETAG_MISMATCH."""
        updated: int = await self._database.value(
            "update_conversation",
            p_org_id=org_id,
            p_conversation_id=change.conversation_id,
            p_version=change.version,
            p_status=change.status,
            p_traceparent=traceparent,
        )
        return updated
