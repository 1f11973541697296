"""find_orgs_of and find_trace_orgs: whose a lead, a webhook or a trace is."""

from uuid import UUID

from services.chassis.database import Database
from services.chassis.trace import new_root
from tests.schema.ingest.builders import (
    PHONE,
    Admin,
    a_new_lead,
    a_source,
    a_webhook,
    an_item,
    an_org,
    called,
    create,
    receive,
)


async def orgs_of(ingest_db: Database, kind: str, value: str) -> set[UUID]:
    rows = await ingest_db.rows("find_orgs_of", p_kind=kind, p_value=value)
    return {row["org_id"] for row in rows}


async def test_the_operator_finds_whose_a_lead_a_webhook_or_a_trace_is(
    ingest_db: Database, admin: Admin
) -> None:
    first, second = await an_org(ingest_db), await an_org(ingest_db)
    await a_source(ingest_db, first.org_id)
    await a_source(ingest_db, second.org_id, external_id="2")
    webhook = a_webhook(an_item(), an_item(page="2"))
    await receive(ingest_db, webhook)
    lead = a_new_lead(second.source_id)
    trace = new_root()
    await create(ingest_db, called(second, lead, trace=trace))
    both = {first.org_id, second.org_id}
    assert await orgs_of(ingest_db, "webhook_id", str(webhook.delivery_id)) == both
    assert await orgs_of(ingest_db, "webhook_id", str(webhook.items[0].item_id)) == {first.org_id}
    assert await orgs_of(ingest_db, "lead_id", str(lead.lead_id)) == {second.org_id}
    for kind in ("phone", "email", "external_id"):
        assert await orgs_of(ingest_db, kind, PHONE) == set()
    for trace_id, orgs in (
        (webhook.trace.trace_id, both),
        (webhook.items[1].trace.trace_id, {second.org_id}),
        (trace.trace_id, {second.org_id}),
        ("f" * 32, set()),
    ):
        rows = await ingest_db.rows("find_trace_orgs", p_trace_id=trace_id)
        assert {row["org_id"] for row in rows} == orgs
