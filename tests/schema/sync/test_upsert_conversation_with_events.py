"""The single form stores what the batch form stores."""

from services.chassis.database import Database
from services.chassis.ids import new_id
from services.chassis.trace import new_root
from tests.schema.sync.builders import (
    NOW,
    ORG,
    a_page,
)


async def test_one_conversation_is_stored_with_its_events(sync_db: Database) -> None:
    page_id, event_id, id_ = await a_page(sync_db, ORG), new_id(), new_id()
    event = (1, event_id, "message", "in", "c", "", "m_1", NOW, "h", NOW, "hi", {"n": 1})
    for outcome in ("stored", "duplicate"):
        (row,) = await sync_db.rows(
            "upsert_conversation_with_events",
            p_org_id=ORG,
            p_page_id=page_id,
            p_conversation=(id_, "c", None, "", None, 0, None),
            p_traceparent=new_root().traceparent,
            p_events=[event],
            p_origin="webhook",
        )
        assert (row["outcome"], row["event_id"]) == (outcome, event_id)
        assert (row["conversation_id"], row["version"]) == (id_, 1)
