"""Traces by the ids that people have."""

from services.chassis.database import Database
from tests.schema.sync.builders import (
    ORG,
    Admin,
    a_pulled_page,
)


async def test_a_page_and_a_message_are_found_by_their_ids_at_meta(
    sync_db: Database, admin: Admin
) -> None:
    await a_pulled_page(sync_db, ORG)
    page = await admin.fetchval("select facebook_page_id from sync.pages")
    message = await admin.fetchval(
        "select message_id from sync.contact_interaction_events where page_id is not null"
    )
    for value, kind in ((page, "sync"), (message, "event")):
        asked = {"p_kind": "external_id", "p_value": value}
        (found,) = await sync_db.rows(
            "find_traces", p_org_ids=[ORG], p_workspace_id=None, **asked, p_limit=9
        )
        assert found["kind"] == kind
        assert [row["org_id"] for row in await sync_db.rows("find_orgs_of", **asked)] == [ORG]
        orgs = await sync_db.rows("find_trace_orgs", p_trace_id=found["trace_id"])
        assert [row["org_id"] for row in orgs] == [ORG]
