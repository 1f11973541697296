"""find_attempt_traces: from an attempt's own trace to its item's."""

from services.chassis.database import Database
from services.chassis.trace import new_root
from tests.schema.ingest.builders import Admin, a_claimed_item, a_source, an_org, settle


async def test_an_attempts_own_trace_leads_to_the_trace_of_its_item(
    ingest_db: Database, admin: Admin
) -> None:
    org = await an_org(ingest_db)
    await a_source(ingest_db, org.org_id)
    token, item = await a_claimed_item(ingest_db)
    await settle(ingest_db, token, item, "ignored", reason="of no use")
    own = await admin.fetchval("select attempt_trace_id from ingest.item_attempts")
    rows = await ingest_db.rows("find_attempt_traces", p_trace_id=own)
    assert [tuple(row.values()) for row in rows] == [(org.org_id, item.trace.trace_id)]
    for unknown in (item.trace.trace_id, new_root().trace_id):
        assert await ingest_db.rows("find_attempt_traces", p_trace_id=unknown) == []
