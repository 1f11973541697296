"""find_traces: a trace is found by what people hold, by its org only, newest first."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from services.chassis.database import Database
from tests.schema.ingest.builders import (
    NOW,
    PHONE,
    Admin,
    a_claimed_item,
    a_lead_item,
    a_new_lead,
    a_source,
    an_org,
    at,
    create,
    later,
    of_item,
)


async def found(ingest_db: Database, org_id: UUID, kind: str, value: str, **more: Any) -> list[str]:
    rows = await ingest_db.rows(
        "find_traces", p_org_ids=[org_id], p_workspace_id=more.get("workspace_id"), p_kind=kind,
        p_value=value, p_limit=more.get("limit", 10), p_before=more.get("before"),
    )  # fmt: skip
    return [row["trace_id"] for row in rows]


async def test_a_trace_is_found_by_what_people_hold(ingest_db: Database, admin: Admin) -> None:
    org = await an_org(ingest_db)
    source_id = await a_source(ingest_db, org.org_id)
    token, item = await a_claimed_item(ingest_db)
    await at(ingest_db).upsert_lead_sources([item])
    lead = a_new_lead(source_id, external_id="900100", email="ada@example.com")
    await create(ingest_db, of_item(token, item, lead))
    delivery_id = await admin.fetchval("select delivery_id from ingest.webhook_items")
    other = await an_org(ingest_db)
    for kind, value in (
        ("lead_id", str(lead.lead_id)),
        ("phone", PHONE),
        ("email", "ada@example.com"),
        ("external_id", "900100"),
        ("webhook_id", str(item.item_id)),
        ("webhook_id", str(delivery_id)),
    ):
        assert await found(ingest_db, org.org_id, kind, value) == [item.trace.trace_id], kind
        assert await found(ingest_db, other.org_id, kind, value) == [], kind
        hidden = await found(ingest_db, org.org_id, kind, value, workspace_id=uuid4())
        assert hidden == [], kind
    # Again and again: a plan made for one kind must not stumble over another's value.
    for _ in range(8):
        assert await found(ingest_db, org.org_id, "phone", PHONE)
        assert await found(ingest_db, org.org_id, "lead_id", str(lead.lead_id))
    assert await found(ingest_db, org.org_id, "workspace_id", str(uuid4())) == []


async def test_traces_come_newest_first_and_in_pages(ingest_db: Database) -> None:
    org = await an_org(ingest_db)
    source_id = await a_source(ingest_db, org.org_id)
    traces = []
    for number in range(3):
        item, _ = await a_lead_item(
            ingest_db, source_id, external_id=str(number), now=later(number)
        )
        traces.append(item.trace.trace_id)
    webhooks = [await found(ingest_db, org.org_id, "external_id", str(n)) for n in range(3)]
    assert webhooks == [[trace] for trace in traces]
    rows = await ingest_db.rows(
        "find_traces", p_org_ids=[org.org_id], p_workspace_id=None, p_kind="phone", p_value=PHONE,
        p_limit=2, p_before=NOW + timedelta(hours=1),
    )  # fmt: skip
    assert len(rows) == 2
    assert await found(ingest_db, org.org_id, "phone", PHONE, before=NOW) == []
