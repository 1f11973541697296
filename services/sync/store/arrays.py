"""Conversations and events as the parallel arrays that stored functions take."""

from collections.abc import Sequence
from typing import Any

from services.chassis.ids import new_id
from services.sync.interactions import Interaction
from services.sync.rows import ConversationToStore


def conversation_arrays(conversations: Sequence[ConversationToStore]) -> dict[str, Any]:
    """One array for each column; ids for those that turn out to be new."""
    return {
        "p_conversation_ids": [new_id() for _ in conversations],
        "p_contact_external_ids": [each.contact_external_id for each in conversations],
        "p_thread_ids": [each.thread_id for each in conversations],
        "p_contact_names": [each.contact_name for each in conversations],
        "p_listed_ats": [each.listed_at for each in conversations],
        "p_message_counts": [each.message_count for each in conversations],
        "p_completenesses": [each.completeness for each in conversations],
    }


def events_of(conversations: Sequence[ConversationToStore]) -> dict[str, Any]:
    """The events of all of them, each with its conversation's position, from 1."""
    numbered = [
        (position, event)
        for position, conversation in enumerate(conversations, 1)
        for event in conversation.interactions
    ]
    events = [event for _, event in numbered]
    return {"p_events_of": [position for position, _ in numbered], **event_arrays(events)}


def event_arrays(events: Sequence[Interaction]) -> dict[str, Any]:
    """One array for each column."""
    return {
        "p_event_ids": [each.event_id for each in events],
        "p_types": [each.type for each in events],
        "p_directions": [each.direction for each in events],
        "p_actors": [each.actor for each in events],
        "p_targets": [each.target for each in events],
        "p_message_ids": [each.message_id for each in events],
        "p_occurred_ats": [each.occurred_at for each in events],
        "p_content_hashes": [each.content_hash for each in events],
        "p_content_ats": [each.content_at for each in events],
        "p_texts": [each.text for each in events],
        "p_payloads": [each.payload for each in events],
    }
