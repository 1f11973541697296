"""An attempt's own trace leads to the trace of its session."""

from services.chassis.database import Database
from services.chassis.ids import new_id
from services.chassis.trace import new_root
from tests.schema.sync.builders import ORG, MovedClock, a_page, sessions


async def test_a_background_run_is_found_by_its_own_trace(sync_db: Database) -> None:
    page_id, store = await a_page(sync_db, ORG), sessions(sync_db, MovedClock())
    session = new_root()
    await store.schedule_sync(
        ORG,
        page_id=page_id,
        session_id=new_id(),
        mode="full",
        traceparent=session.traceparent,
    )
    attempt = new_root().trace_id
    assert await store.claim_sync_session(new_id(), attempt) is not None
    (found,) = await sync_db.rows("find_attempt_traces", p_trace_id=attempt)
    assert (found["org_id"], found["trace_id"]) == (ORG, session.trace_id)
    assert not await sync_db.rows("find_attempt_traces", p_trace_id=session.trace_id)
