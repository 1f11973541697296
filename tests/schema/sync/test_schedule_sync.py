"""A background session is made once for a page."""

import pytest

from services.chassis.database import Database
from services.chassis.errors import DomainError
from services.chassis.ids import new_id
from services.chassis.trace import new_root
from services.sync.records.pulls import RunEnd
from tests.schema.sync.builders import (
    ORG,
    MovedClock,
    a_page,
    sessions,
    start,
)


async def test_a_background_session_supersedes_one_that_waits_and_refuses_another(
    sync_db: Database,
) -> None:
    page_id, store = await a_page(sync_db, ORG), sessions(sync_db, MovedClock())

    async def schedule() -> None:
        await store.schedule_sync(
            ORG,
            page_id=page_id,
            session_id=new_id(),
            mode="full",
            traceparent=new_root().traceparent,
        )

    run = await start(store, page_id)
    with pytest.raises(DomainError, match="SYNC_IN_PROGRESS"):
        await schedule()
    await store.end_sync_run(run, run.version, RunEnd(status="paused", outcome="time"))
    await schedule()
    superseded = await store.get_sync(ORG, run.session_id)
    assert superseded is not None
    assert superseded.status == "superseded"
    with pytest.raises(DomainError, match="SYNC_IN_PROGRESS"):
        await schedule()
