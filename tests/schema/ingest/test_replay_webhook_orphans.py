"""replay_webhook_orphans: what came before its source becomes items of its org, each once."""

import asyncio

import pytest

from services.chassis.database import Database
from services.chassis.errors import DomainError
from services.chassis.ids import new_id
from services.chassis.trace import new_root
from services.ingest.records.webhooks import LEADGEN, MESSAGE
from tests.schema.ingest.builders import (
    NUMBER,
    PAGE,
    Admin,
    a_new_lead,
    a_source,
    a_webhook,
    an_item,
    an_org,
    at,
    claim,
    count,
    create,
    later,
    of_item,
    receive,
)


async def replay(
    ingest_db: Database, *, kind: str = "meta_page", external_id: str = PAGE, limit: int = 100
) -> tuple[int, bool]:
    """Replays a source's orphans: how many became items, and whether there are more."""
    row = await ingest_db.row(
        "replay_webhook_orphans",
        p_source_kind=kind,
        p_source_external_id=external_id,
        p_limit=limit,
        p_traceparent=new_root().traceparent,
        p_now=later(60),
    )
    assert row is not None
    return row["replayed_count"], row["has_more"]


async def books(ingest_db: Database) -> dict[str, int]:
    rows = await ingest_db.rows("verify_books")
    return {row["equation"]: row["violation_count"] for row in rows if row["violation_count"]}


async def test_a_lead_that_came_before_its_source_is_worked_on_under_its_own_trace(
    ingest_db: Database, admin: Admin
) -> None:
    org = await an_org(ingest_db)
    webhook = a_webhook(an_item())
    await receive(ingest_db, webhook)
    source_id = await a_source(ingest_db, org.org_id)
    assert await replay(ingest_db) == (1, False)
    assert await count(admin, "webhook_orphans") == 0
    token = new_id()
    (item,) = await claim(ingest_db, token=token, now=later(60))
    (arrived,) = webhook.items
    assert (item.item_id, item.trace) == (arrived.item_id, arrived.trace)
    assert (item.org_id, item.source_id) == (org.org_id, source_id)
    assert item.webhook_trace.traceparent == webhook.trace.traceparent
    await at(ingest_db, later(60)).upsert_lead_sources([item])
    lead = a_new_lead(source_id, external_id="900100")
    await create(ingest_db, of_item(token, item, lead), now=later(61))
    assert await admin.fetchval("select status from ingest.webhook_delivery_log") == "completed"
    assert await books(ingest_db) == {}


async def test_each_orphan_moves_once_however_often_and_by_however_many(
    ingest_db: Database, admin: Admin
) -> None:
    org = await an_org(ingest_db)
    await receive(ingest_db, a_webhook(*[an_item(external_id=str(n)) for n in range(20)]))
    await a_source(ingest_db, org.org_id)
    moved = await asyncio.gather(*(replay(ingest_db) for _ in range(5)))
    assert sum(count for count, _ in moved) == 20
    assert await replay(ingest_db) == (0, False)
    assert await count(admin, "webhook_items") == 20
    assert await books(ingest_db) == {}


async def test_the_oldest_go_first_and_the_rest_is_announced(
    ingest_db: Database, admin: Admin
) -> None:
    org = await an_org(ingest_db)
    webhook = a_webhook(*[an_item(external_id=str(n)) for n in range(3)])
    await receive(ingest_db, webhook)
    await a_source(ingest_db, org.org_id)
    assert await replay(ingest_db, limit=2) == (2, True)
    moved = await admin.fetch("select item_id from ingest.webhook_items order by ordinal")
    assert [row["item_id"] for row in moved] == [item.item_id for item in webhook.items[:2]]
    assert await books(ingest_db) == {}
    assert await replay(ingest_db, limit=2) == (1, False)
    assert await admin.fetchval("select item_count from ingest.webhook_delivery_log") == 3
    assert await books(ingest_db) == {}


async def test_they_join_what_the_org_already_has_of_the_webhook(
    ingest_db: Database, admin: Admin
) -> None:
    org = await an_org(ingest_db)
    await a_source(ingest_db, org.org_id, external_id="1")
    await receive(ingest_db, a_webhook(an_item(page="1", disposition="ignored"), an_item()))
    await a_source(ingest_db, org.org_id)
    assert await replay(ingest_db) == (1, False)
    row = await admin.fetchrow("select item_count, status from ingest.webhook_delivery_log")
    assert row is not None
    assert (row["item_count"], row["status"]) == (2, "processing")
    assert await books(ingest_db) == {}


async def test_what_happened_in_a_conversation_is_handed_to_sync(
    ingest_db: Database, admin: Admin
) -> None:
    org = await an_org(ingest_db)
    read = an_item(kind="read", external_id=None, disposition="stored", reason="handed_to_sync")
    message = an_item(kind=MESSAGE, external_id="m_1")
    await receive(ingest_db, a_webhook(read, message, an_item(kind=LEADGEN)))
    await a_source(ingest_db, org.org_id)
    assert await replay(ingest_db) == (3, False)
    told = await admin.fetch("select subject_id, payload from ingest.outbox")
    assert {row["subject_id"] for row in told} == {read.item_id, message.item_id}
    rows = await admin.fetch("select kind, status, reason from ingest.webhook_items")
    assert {(row["kind"], row["status"], row["reason"]) for row in rows} == {
        ("read", "stored", "handed_to_sync"),
        (MESSAGE, "pending", None),
        (LEADGEN, "pending", None),
    }
    assert await books(ingest_db) == {}


async def test_a_number_tells_sync_nothing(ingest_db: Database, admin: Admin) -> None:
    org = await an_org(ingest_db)
    said = an_item(kind=MESSAGE, external_id="wamid.1", page=NUMBER, source_kind="whatsapp_number")
    await receive(ingest_db, a_webhook(said))
    await a_source(ingest_db, org.org_id, kind="whatsapp_number", external_id=NUMBER)
    assert await replay(ingest_db, kind="whatsapp_number", external_id=NUMBER) == (1, False)
    assert await count(admin, "outbox") == 0


async def test_what_was_of_no_use_or_is_for_another_page_stays(
    ingest_db: Database, admin: Admin
) -> None:
    org = await an_org(ingest_db)
    webhook = a_webhook(
        an_item(disposition="ignored", reason="field_not_handled"),
        an_item(disposition="dead_letter", reason="malformed: x"),
        an_item(page="other"),
        an_item(source_kind="instagram_account"),
    )
    await receive(ingest_db, webhook)
    await a_source(ingest_db, org.org_id)
    assert await replay(ingest_db) == (0, False)
    assert await count(admin, "webhook_orphans") == 4


async def test_a_source_that_no_org_has_is_named_in_the_refusal(ingest_db: Database) -> None:
    await receive(ingest_db, a_webhook(an_item()))
    with pytest.raises(DomainError) as refused:
        await replay(ingest_db)
    assert refused.value.reason == "SOURCE_NOT_FOUND"
    assert refused.value.metadata == {"kind": "meta_page", "external_id": PAGE}
