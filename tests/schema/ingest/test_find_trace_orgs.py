"""find_trace_orgs: whose rows a trace has; what concerns no org is the nil org's."""

from uuid import UUID

from services.chassis.database import Database
from tests.schema.ingest.builders import (
    PAGE,
    a_source,
    a_webhook,
    an_item,
    an_org,
    receive,
)

NOBODY = UUID(int=0)


async def test_the_operator_finds_an_orphan_and_no_tenant_does(ingest_db: Database) -> None:
    org = await an_org(ingest_db)
    webhook = a_webhook(an_item(), an_item(external_id="2"))
    await receive(ingest_db, webhook)
    item = webhook.items[0]
    for trace_id, shown in ((webhook.trace.trace_id, 2), (item.trace.trace_id, 1)):
        orgs = await ingest_db.rows("find_trace_orgs", p_trace_id=trace_id)
        assert [row["org_id"] for row in orgs] == [NOBODY]
        for org_id, bars in ((NOBODY, shown), (org.org_id, 0)):
            told = await ingest_db.rows(
                "get_trace", p_org_ids=[org_id], p_workspace_id=None, p_trace_id=trace_id
            )
            assert len(told) == bars
            for bar in told:
                assert (bar["name"], bar["outcome"]) == ("webhook item leadgen", "ignored")
                assert bar["details"]["reason"] == "unknown_source"
                assert bar["details"]["source_external_id"] == PAGE
    for kind, value, found in (
        ("webhook_id", webhook.delivery_id, 2),
        ("webhook_id", item.item_id, 1),
        ("external_id", item.external_id, 1),
    ):
        orgs = await ingest_db.rows("find_orgs_of", p_kind=kind, p_value=str(value))
        assert [row["org_id"] for row in orgs] == [NOBODY]
        for org_id, rows in ((NOBODY, found), (org.org_id, 0)):
            traces = await ingest_db.rows(
                "find_traces", p_org_ids=[org_id], p_workspace_id=None, p_kind=kind,
                p_value=str(value), p_limit=10,
            )  # fmt: skip
            assert len(traces) == rows


async def test_the_operator_finds_whose_an_external_id_is(ingest_db: Database) -> None:
    org = await an_org(ingest_db)
    await a_source(ingest_db, org.org_id)
    await receive(ingest_db, a_webhook(an_item()))
    orgs = await ingest_db.rows("find_orgs_of", p_kind="external_id", p_value="900100")
    assert [row["org_id"] for row in orgs] == [org.org_id]
