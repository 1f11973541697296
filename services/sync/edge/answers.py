"""What sync's RPCs answer, from records."""

from dataclasses import asdict

from services.chassis.timestamps import to_optional_timestamp, to_timestamp
from services.sync.records.conversations import Conversation, ConversationEvent
from services.sync.records.pages import FacebookPage
from services.sync.records.sessions import SyncLock, SyncReject, SyncSession, SyncStatistics
from waybill.sync.v1 import sync_service_pb2 as pb


def to_page(page: FacebookPage) -> pb.Page:
    """A page with its health."""
    return pb.Page(
        page_id=str(page.page_id),
        platform=page.platform,
        facebook_page_id=page.facebook_page_id,
        name=page.name,
        token_status=page.token_status,
        token_error=page.token_error or "",
        subscription_status=page.subscription_status,
        subscription_error=page.subscription_error or "",
        last_webhook_time=to_optional_timestamp(page.last_webhook_at),
        last_sync_time=to_optional_timestamp(page.last_synced_at),
        blocked_until_time=to_optional_timestamp(page.blocked_until),
        create_time=to_timestamp(page.created_at),
    )


def to_sync(session: SyncSession) -> pb.Sync:
    """A session."""
    return pb.Sync(
        session_id=str(session.session_id),
        page_id=str(session.page_id),
        mode=session.mode,
        status=session.status,
        phase=session.phase,
        counts=to_counts(session),
        completeness=session.completeness or "",
        error=session.error or "",
        due_time=to_optional_timestamp(session.due_at),
        start_time=to_timestamp(session.started_at),
        end_time=to_optional_timestamp(session.ended_at),
        trace_id=session.trace_id,
    )


def to_counts(session: SyncSession) -> pb.SyncCounts:
    """What a session has done so far."""
    return pb.SyncCounts(
        calls=session.calls,
        conversations_seen=session.conversations_seen,
        conversations_new=session.conversations_new,
        messages_seen=session.messages_seen,
        messages_new=session.messages_new,
        rejected=session.rejected,
    )


def to_lock(lock: SyncLock) -> pb.SyncLock:
    """A lease on a page."""
    return pb.SyncLock(
        page_id=str(lock.page_id),
        locked_by=lock.locked_by,
        lock_time=to_timestamp(lock.locked_at),
        expire_time=to_timestamp(lock.expires_at),
        session_id=str(lock.session_id or ""),
    )


def to_statistics(statistics: SyncStatistics) -> pb.SyncStatistics:
    """Counts of one page."""
    return pb.SyncStatistics(**{**asdict(statistics), "page_id": str(statistics.page_id)})


def to_reject(reject: SyncReject) -> pb.SyncReject:
    """Something that could not be read."""
    return pb.SyncReject(
        reject_id=str(reject.reject_id),
        page_id=str(reject.page_id),
        origin=reject.origin,
        kind=reject.kind,
        reason=reject.reason,
        raw_json=reject.raw,
        create_time=to_timestamp(reject.created_at),
        trace_id=reject.trace_id,
    )


def to_conversation(conversation: Conversation) -> pb.Conversation:
    """A conversation."""
    return pb.Conversation(
        conversation_id=str(conversation.conversation_id),
        page_id=str(conversation.page_id),
        contact_external_id=conversation.contact_external_id,
        thread_id=conversation.thread_id or "",
        contact_name=conversation.contact_name,
        status=conversation.status,
        version=conversation.version,
        completeness=conversation.completeness,
        message_count=conversation.message_count,
        stored_message_count=conversation.stored_message_count,
        update_time=to_timestamp(conversation.active_at),
        trace_id=conversation.trace_id,
    )


def to_event(event: ConversationEvent) -> pb.InteractionEvent:
    """An event of a conversation."""
    return pb.InteractionEvent(
        event_id=str(event.event_id),
        type=event.type,
        direction=event.direction,
        actor=event.actor,
        target=event.target,
        message_id=event.message_id or "",
        text=event.text,
        deleted=event.deleted,
        occur_time=to_timestamp(event.occurred_at),
        seen_by_webhook=event.seen_by_webhook,
        seen_by_pull=event.seen_by_pull,
        trace_id=event.trace_id,
    )
