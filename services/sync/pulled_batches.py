"""What a call of the Graph API brought, as it is to be stored."""

from services.sync.graph_lists import ListedConversation, ListResponse, MessagesResponse
from services.sync.pending_messages import PendingMessages, completeness_after
from services.sync.records.conversations import ConversationToStore
from services.sync.records.pulls import PulledBatch, ThreadRead


def batch_of_list(response: ListResponse) -> PulledBatch:
    """Conversations of the list. One that cannot be read counts as read."""
    pending = {each.thread_id for each in response.conversations if each.messages.has_more}
    return PulledBatch(
        conversations=tuple(_to_store(each) for each in response.conversations),
        threads=tuple(
            ThreadRead(
                thread_id=each.thread_id,
                updated_at=each.updated_at,
                has_pending_messages=each.thread_id in pending,
            )
            for each in response.entries
        ),
        rejects=response.rejects,
    )


def batch_of_messages(pending: PendingMessages, messages: MessagesResponse) -> PulledBatch:
    """More messages of one conversation."""
    read_count = len({*pending.fingerprints, *messages.fingerprints})
    conversation = ConversationToStore(
        contact_external_id=pending.contact_external_id,
        thread_id=pending.thread_id,
        contact_name=pending.contact_name,
        listed_at=pending.updated_at,
        message_count=read_count if pending.message_count is None else pending.message_count,
        completeness=completeness_after(pending, messages),
        interactions=messages.interactions,
    )
    thread = ThreadRead(
        thread_id=pending.thread_id,
        updated_at=pending.updated_at,
        has_pending_messages=messages.has_more,
    )
    return PulledBatch(conversations=(conversation,), threads=(thread,), rejects=messages.rejects)


def _to_store(listed: ListedConversation) -> ConversationToStore:
    read_count = len(set(listed.messages.fingerprints))
    return ConversationToStore(
        contact_external_id=listed.contact_external_id,
        thread_id=listed.thread_id,
        contact_name=listed.contact_name,
        listed_at=listed.updated_at,
        message_count=read_count if listed.message_count is None else listed.message_count,
        completeness=listed.completeness,
        interactions=listed.messages.interactions,
    )
