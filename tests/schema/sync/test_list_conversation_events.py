"""A conversation's events, newest first."""

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


async def test_an_edited_message_has_its_newest_text_and_a_deleted_one_none(
    sync_db: Database,
) -> None:
    page_id, store = await a_page(sync_db, ORG), ConversationStore(sync_db)
    events = [
        a_message("m_1", text="old"),
        a_message("m_2", text="gone", occurred_at=later(1)),
        a_message("e_1", type="edit", target="m_1", text="new", content_at=later(2)),
        a_message("d_1", type="delete", target="m_2", occurred_at=later(3)),
    ]
    await store.bulk_upsert_conversations_with_events(
        ORG, page_id, [a_conversation(events)], "pull", traceparent=new_root().traceparent
    )
    (conversation,) = await store.list_conversations(ORG, 1)
    listed = await store.list_conversation_events(ORG, conversation.conversation_id, 9)
    shown = {each.message_id: (each.text, each.deleted) for each in listed}
    assert (shown["m_1"], shown["m_2"]) == (("new", False), ("", True))
    assert [each.occurred_at for each in listed] == sorted(
        (each.occurred_at for each in listed), reverse=True
    )
