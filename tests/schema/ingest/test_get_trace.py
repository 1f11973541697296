"""get_trace: what happened, from rows, waits included, and only for the tenant."""

from typing import Any
from uuid import UUID, uuid4

from services.chassis.database import Database, Record
from services.chassis.ids import new_id
from services.chassis.trace import new_root
from tests.schema.ingest.builders import (
    NOW,
    PHONE,
    a_message,
    a_new_lead,
    a_source,
    a_webhook,
    an_item,
    an_org,
    at,
    called,
    claim,
    create,
    later,
    of_item,
    receive,
    settle,
)


async def trace_of(ingest_db: Database, org_id: UUID, trace_id: str, **more: Any) -> list[Record]:
    return await ingest_db.rows(
        "get_trace", p_org_ids=[org_id], p_workspace_id=more.get("workspace_id"),
        p_trace_id=trace_id,
    )  # fmt: skip


def bars(rows: list[Record]) -> list[tuple[str, bool, str | None]]:
    return [(row["name"], row["waiting"], row["outcome"]) for row in rows]


async def test_an_items_trace_has_its_waits_its_attempts_and_its_lead(ingest_db: Database) -> None:
    org = await an_org(ingest_db)
    source_id = await a_source(ingest_db, org.org_id)
    webhook = a_webhook(an_item())
    await receive(ingest_db, webhook)
    token = new_id()
    (item,) = await claim(ingest_db, now=later(5), token=token)
    await at(ingest_db, later(5)).upsert_lead_sources([item])
    await settle(
        ingest_db, token, item, "retry", reason="graph limit 4", retry_after_seconds=60,
        now=later(6),
    )  # fmt: skip
    token = new_id()
    (item,) = await claim(ingest_db, now=later(70), token=token)
    lead = a_new_lead(source_id, external_id="900100")
    await create(ingest_db, of_item(token, item, lead), now=later(71))
    rows = await trace_of(ingest_db, org.org_id, item.trace.trace_id)
    assert bars(rows) == [
        ("queue leadgen", True, "claimed"),
        ("process leadgen", False, "retry"),
        ("backoff", True, "retry"),
        ("process leadgen", False, "stored"),
        ("queue routing.enqueue_leads", True, "pending"),
        ("lead created", False, "created"),
    ]
    spans = [(row["started_at"] - NOW, row["ended_at"] and row["ended_at"] - NOW) for row in rows]
    seconds = [(s.total_seconds(), e.total_seconds() if e else None) for s, e in spans]
    assert seconds == [(0, 5), (5, 6), (6, 70), (70, 71), (71, None), (71, 71)]
    assert rows[0]["linked_trace_ids"] == [webhook.trace.trace_id]
    assert rows[1]["details"] == {"error": "graph limit 4"}
    assert rows[3]["attempt_trace_id"] not in (None, rows[1]["attempt_trace_id"])
    assert rows[5]["ids"]["lead_id"] == str(lead.lead_id)


async def test_a_webhooks_own_trace_has_its_log_row(ingest_db: Database) -> None:
    org = await an_org(ingest_db)
    await a_source(ingest_db, org.org_id)
    webhook = a_webhook(an_item())
    await receive(ingest_db, webhook)
    rows = await trace_of(ingest_db, org.org_id, webhook.trace.trace_id)
    assert bars(rows) == [("webhook meta_page", False, "pending")]
    assert rows[0]["ids"] == {"webhook_id": str(webhook.delivery_id)}


async def test_a_callers_lead_has_message_lead_and_handoff(ingest_db: Database) -> None:
    org, trace = await an_org(ingest_db), new_root()
    lead = a_new_lead(org.source_id, message=a_message(None))
    await create(ingest_db, called(org, lead, trace=trace))
    names = {row["name"] for row in await trace_of(ingest_db, org.org_id, trace.trace_id)}
    assert names == {"message stored", "lead created", "queue routing.enqueue_leads"}


async def test_a_trace_says_nothing_of_persons(ingest_db: Database) -> None:
    org, trace = await an_org(ingest_db), new_root()
    lead = a_new_lead(org.source_id, email="ada@example.com", message=a_message(body="my secret"))
    await create(ingest_db, called(org, lead, trace=trace))
    told = str([dict(row) for row in await trace_of(ingest_db, org.org_id, trace.trace_id)])
    for personal in (PHONE, "ada@example.com", "Ada", "my secret"):
        assert personal not in told


async def test_others_and_workspaces_see_nothing_of_it(ingest_db: Database) -> None:
    org, other, trace = await an_org(ingest_db), await an_org(ingest_db), new_root()
    await create(ingest_db, called(org, trace=trace))
    assert await trace_of(ingest_db, org.org_id, trace.trace_id)
    assert await trace_of(ingest_db, other.org_id, trace.trace_id) == []
    narrowed = await trace_of(ingest_db, org.org_id, trace.trace_id, workspace_id=uuid4())
    assert narrowed == []
