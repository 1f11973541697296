"""A conversation is changed at the version that was read."""

from uuid import uuid4

import pytest

from services.chassis.database import Database
from services.chassis.errors import DomainError
from services.chassis.trace import new_root
from services.sync.records.conversations import ConversationChange
from services.sync.store.conversations import ConversationStore
from tests.schema.sync.builders import (
    ORG,
    a_conversation,
    a_page,
)


async def test_a_change_of_an_older_version_is_refused(sync_db: Database) -> None:
    page_id, store = await a_page(sync_db, ORG), ConversationStore(sync_db)
    await store.bulk_upsert_conversations_with_events(
        ORG, page_id, [a_conversation()], "pull", traceparent=new_root().traceparent
    )
    (conversation,) = await store.list_conversations(ORG, 1)
    change = ConversationChange(
        conversation_id=conversation.conversation_id, version=1, status="closed"
    )
    trace = new_root().traceparent
    assert await store.update_conversation(ORG, change, traceparent=trace) == 2
    with pytest.raises(DomainError, match="ETAG_MISMATCH"):
        await store.update_conversation(ORG, change, traceparent=trace)
    with pytest.raises(DomainError, match="CONVERSATION_NOT_FOUND"):
        await store.update_conversation(uuid4(), change, traceparent=trace)
