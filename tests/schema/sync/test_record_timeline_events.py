"""Other services' events, each once."""

from services.chassis.database import Database
from services.chassis.ids import new_id
from services.chassis.trace import new_root
from services.sync.records.events import ReportedTimelineEvent
from services.sync.store.conversations import ConversationStore
from tests.schema.sync.builders import (
    NOW,
    ORG,
    Admin,
)


async def test_an_event_is_taken_over_once_however_often_it_comes(
    sync_db: Database, admin: Admin
) -> None:
    event = ReportedTimelineEvent(
        org_id=ORG,
        event_id=new_id(),
        type="appointment_booked",
        lead_id=new_id(),
        subject_id=None,
        payload={"a": [1, None, "ä"]},
        content_hash="",
        occurred_at=NOW,
        trace=new_root(),
    )
    store = ConversationStore(sync_db)
    assert await store.record_timeline_events("scheduling", [event, event]) == 1
    assert await store.record_timeline_events("scheduling", [event]) == 0
    payload = await admin.fetchval("select payload::text from sync.contact_interaction_events")
    assert payload == '{"a": [1, null, "ä"]}'
