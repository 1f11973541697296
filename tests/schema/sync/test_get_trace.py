"""A trace's rows as bars of a waterfall."""

from uuid import uuid4

from services.chassis.database import Database
from tests.schema.sync.builders import (
    ORG,
    Admin,
    a_pulled_page,
)


async def test_a_session_its_run_and_its_page_are_bars_of_their_trace(
    sync_db: Database, admin: Admin
) -> None:
    await a_pulled_page(sync_db, ORG)
    names = set()
    for trace_id in await admin.fetch("select trace_id from sync.sync_state"):
        bars = await sync_db.rows(
            "get_trace", p_org_ids=[ORG], p_workspace_id=None, p_trace_id=trace_id["trace_id"]
        )
        names |= {(bar["source_table"], bar["name"]) for bar in bars}
        for hidden in ({"p_org_ids": [uuid4()]}, {"p_workspace_id": uuid4()}):
            asked = {"p_org_ids": [ORG], "p_workspace_id": None, **hidden}
            assert not await sync_db.rows("get_trace", **asked, p_trace_id=trace_id["trace_id"])
    assert names == {("sync_state", "sync manual"), ("sync_runs", "pull")}
