"""get_trace and its finders: what happened, from rows, waits included, to whom it may be told."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.chassis.database import Database, Record
from services.chassis.ids import new_id
from services.chassis.trace import new_root
from tests.schema.ingest.builders import (
    NOW,
    PHONE,
    Admin,
    a_claimed_item,
    a_lead_item,
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


async def test_an_items_trace_has_its_waits_its_tries_and_its_lead(ingest_db: Database) -> None:
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


@pytest.mark.parametrize("status", [None, "pending", "stored"])
async def test_lists_come_newest_first_in_pages_that_leave_nothing_out(
    ingest_db: Database, status: str | None
) -> None:
    org = await an_org(ingest_db)
    await a_source(ingest_db, org.org_id)
    items = [an_item(external_id=str(n)) for n in range(7)]
    await receive(ingest_db, a_webhook(*items))
    seen: list[UUID] = []
    before: UUID | None = None
    while page := await _page(ingest_db, org.org_id, status, before):
        seen += page
        before = page[-1]
    expected = [] if status == "stored" else sorted((i.item_id for i in items), reverse=True)
    assert seen == expected


async def _page(
    ingest_db: Database, org_id: UUID, status: str | None, before: UUID | None
) -> list[UUID]:
    rows = await ingest_db.rows(
        "list_webhook_items", p_org_id=org_id, p_status=status, p_item_id=None, p_limit=3,
        p_before=before,
    )  # fmt: skip
    return [row["item_id"] for row in rows]
