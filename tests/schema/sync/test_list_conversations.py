"""Conversations, the last one active first."""

from services.chassis.database import Database
from services.chassis.trace import new_root
from services.sync.store.conversations import ConversationStore
from tests.schema.sync.builders import (
    ORG,
    a_conversation,
    a_message,
    a_page,
    later,
)


async def test_conversations_are_listed_by_activity_page_and_text(sync_db: Database) -> None:
    store = ConversationStore(sync_db)
    pages = [await a_page(sync_db, ORG) for _ in range(2)]
    for number, page_id in enumerate((*pages, pages[0])):
        conversation = a_conversation(
            [a_message(text=f"100% {number}", occurred_at=later(number))],
            contact_external_id=f"c{number}",
            listed_at=later(number),
        )
        await store.bulk_upsert_conversations_with_events(
            ORG, page_id, [conversation], "pull", traceparent=new_root().traceparent
        )
    everything = await store.list_conversations(ORG, 9)
    assert [each.contact_external_id for each in everything] == ["c2", "c1", "c0"]
    before = (everything[0].active_at, everything[0].conversation_id)
    rest = await store.list_conversations(ORG, 9, before, page_id=pages[0])
    assert [each.contact_external_id for each in rest] == ["c0"]
    found = await store.list_conversations(ORG, 9, query="0% 1")
    assert [each.contact_external_id for each in found] == ["c1"]
    assert await store.list_conversations(ORG, 9, query="1_0") == []
