"""What sync's RPCs answer, from rows."""

from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from services.chassis.database import Record
from waybill.sync.v1 import sync_service_pb2 as pb


def to_page(row: Record) -> pb.Page:
    """A page with its health."""
    return pb.Page(
        page_id=str(row["page_id"]),
        platform=row["platform"],
        facebook_page_id=row["facebook_page_id"],
        name=row["name"],
        token_status=row["token_status"],
        token_error=row["token_error"] or "",
        subscription_status=row["subscription_status"],
        subscription_error=row["subscription_error"] or "",
        last_webhook_time=to_timestamp(row["last_webhook_at"]),
        last_sync_time=to_timestamp(row["last_synced_at"]),
        blocked_until_time=to_timestamp(row["blocked_until"]),
        create_time=to_timestamp(row["created_at"]),
    )


def to_sync(row: Record) -> pb.Sync:
    """A session."""
    return pb.Sync(
        session_id=str(row["session_id"]),
        page_id=str(row["page_id"]),
        mode=row["mode"],
        status=row["status"],
        phase=row["phase"],
        counts=to_counts(row),
        completeness=row["completeness"] or "",
        error=row["error"] or "",
        due_time=to_timestamp(row["due_at"]),
        start_time=to_timestamp(row["started_at"]),
        end_time=to_timestamp(row["ended_at"]),
        trace_id=row["trace_id"],
    )


def to_counts(row: Record) -> pb.SyncCounts:
    """What a session has done so far."""
    return pb.SyncCounts(
        calls=row["calls"],
        conversations_seen=row["conversations_seen"],
        conversations_new=row["conversations_new"],
        messages_seen=row["messages_seen"],
        messages_new=row["messages_new"],
        rejected=row["rejected"],
    )


def to_lock(row: Record) -> pb.SyncLock:
    """A lease on a page."""
    return pb.SyncLock(
        page_id=str(row["page_id"]),
        locked_by=row["locked_by"],
        lock_time=to_timestamp(row["locked_at"]),
        expire_time=to_timestamp(row["expires_at"]),
        session_id=str(row["session_id"] or ""),
    )


def to_statistics(row: Record) -> pb.SyncStatistics:
    """Counts of one page."""
    names = [field.name for field in pb.SyncStatistics.DESCRIPTOR.fields if field.name != "page_id"]
    counts = {name: int(row[name]) for name in names}
    return pb.SyncStatistics(page_id=str(row["page_id"]), **counts)


def to_reject(row: Record) -> pb.SyncReject:
    """Something that could not be read."""
    return pb.SyncReject(
        reject_id=str(row["reject_id"]),
        page_id=str(row["page_id"]),
        origin=row["origin"],
        kind=row["kind"],
        reason=row["reason"],
        raw_json=row["raw"],
        create_time=to_timestamp(row["created_at"]),
        trace_id=row["trace_id"],
    )


def to_conversation(row: Record) -> pb.Conversation:
    """A conversation."""
    return pb.Conversation(
        conversation_id=str(row["conversation_id"]),
        page_id=str(row["page_id"]),
        contact_external_id=row["contact_external_id"],
        thread_id=row["thread_id"] or "",
        contact_name=row["contact_name"],
        status=row["status"],
        version=row["version"],
        completeness=row["completeness"],
        message_count=row["message_count"],
        stored_message_count=row["stored_message_count"],
        update_time=to_timestamp(row["active_at"]),
        trace_id=row["trace_id"],
    )


def to_event(row: Record) -> pb.InteractionEvent:
    """An event of a conversation."""
    return pb.InteractionEvent(
        event_id=str(row["event_id"]),
        type=row["type"],
        direction=row["direction"],
        actor=row["actor"],
        target=row["target"],
        message_id=row["message_id"] or "",
        text=row["text"],
        deleted=row["deleted"],
        occur_time=to_timestamp(row["occurred_at"]),
        seen_by_webhook=row["seen_by_webhook"],
        seen_by_pull=row["seen_by_pull"],
        trace_id=row["trace_id"],
    )


def to_timestamp(moment: datetime | None) -> Timestamp | None:
    """A moment as protobuf has it; None stays None."""
    if moment is None:
        return None
    timestamp = Timestamp()
    timestamp.FromDatetime(moment)
    return timestamp
