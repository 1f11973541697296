"""store_webhook_deliveries: one commit, everything accounted for, a repeat harmless."""

import asyncio

import asyncpg
import pytest

from services.chassis.database import Database
from services.ingest.records.webhooks import LEADGEN
from tests.schema.ingest.builders import (
    NOW,
    PAGE,
    Admin,
    a_source,
    a_webhook,
    an_item,
    an_org,
    count,
    receive,
)

OTHER_PAGE = "700100200999"


async def books(ingest_db: Database) -> dict[str, int]:
    """How many rows break each equation."""
    rows = await ingest_db.rows("verify_books")
    return {row["equation"]: row["violation_count"] for row in rows if row["violation_count"]}


async def test_one_webhook_of_two_orgs_has_a_log_row_for_each_and_items_below_it(
    ingest_db: Database, admin: Admin
) -> None:
    first, second = await an_org(ingest_db), await an_org(ingest_db)
    await a_source(ingest_db, first.org_id)
    await a_source(ingest_db, second.org_id, external_id=OTHER_PAGE)
    webhook = a_webhook(
        an_item(external_id="1"),
        an_item(external_id="2", page=OTHER_PAGE),
        an_item(external_id="3"),
    )
    await receive(ingest_db, webhook)
    logs = await admin.fetch(
        "select org_id, item_count, status, trace_id, received_at, attempts, completed_at"
        " from ingest.webhook_delivery_log"
    )
    assert {(row["org_id"], row["item_count"]) for row in logs} == {
        (first.org_id, 2),
        (second.org_id, 1),
    }
    for row in logs:
        assert (row["status"], row["attempts"], row["completed_at"]) == ("pending", 0, None)
        assert row["trace_id"] == webhook.trace.trace_id
        assert row["received_at"] == NOW
    items = await admin.fetch("select * from ingest.webhook_items order by ordinal")
    assert [item["org_id"] for item in items] == [first.org_id, second.org_id, first.org_id]
    assert [item["external_id"] for item in items] == ["1", "2", "3"]
    assert [item["trace_id"] for item in items] == [each.trace.trace_id for each in webhook.items]
    assert {item["linked_traceparent"] for item in items} == {webhook.trace.traceparent}
    assert await books(ingest_db) == {}


async def test_bytes_headers_and_trace_of_the_raw_webhook_are_stored(
    ingest_db: Database, admin: Admin
) -> None:
    webhook = a_webhook(an_item())
    await receive(ingest_db, webhook)
    row = await admin.fetchrow("select * from ingest.webhook_deliveries")
    assert row is not None
    assert bytes(row["body"]) == webhook.body
    assert row["headers"] == '{"a": "b"}'
    assert row["trace_id"] == webhook.trace.trace_id
    assert row["item_count"] == 1


async def test_items_of_pages_that_no_org_has_become_ignored_orphans(
    ingest_db: Database, admin: Admin
) -> None:
    webhook = a_webhook(
        an_item(),
        an_item(page=None, disposition="ignored", reason="unknown_object"),
        an_item(page=None, disposition="dead_letter", reason="malformed: x"),
    )
    await receive(ingest_db, webhook)
    rows = await admin.fetch("select * from ingest.webhook_orphans order by ordinal")
    assert [(row["status"], row["reason"]) for row in rows] == [
        ("ignored", "unknown_source"),
        ("ignored", "unknown_object"),
        ("dead_letter", "malformed: x"),
    ]
    assert await count(admin, "webhook_items") == 0
    assert await books(ingest_db) == {}


async def test_a_page_is_not_a_number_of_the_same_digits(ingest_db: Database, admin: Admin) -> None:
    org = await an_org(ingest_db)
    await a_source(ingest_db, org.org_id, kind="whatsapp_number", external_id=PAGE)
    await receive(ingest_db, a_webhook(an_item()))
    assert await count(admin, "webhook_orphans") == 1


@pytest.mark.parametrize(
    ("dispositions", "status", "is_complete"),
    [
        (("ignored", "ignored"), "completed", True),
        (("ignored", "dead_letter"), "dead_letter", True),
        (("dead_letter", None), "pending", False),
        ((None, None), "pending", False),
    ],
)
async def test_a_log_row_begins_as_its_items_do(
    ingest_db: Database,
    admin: Admin,
    dispositions: tuple[str | None, ...],
    status: str,
    is_complete: bool,
) -> None:
    org = await an_org(ingest_db)
    await a_source(ingest_db, org.org_id)
    await receive(
        ingest_db, a_webhook(*[an_item(disposition=disposition) for disposition in dispositions])
    )
    row = await admin.fetchrow("select * from ingest.webhook_delivery_log")
    assert row is not None
    assert row["status"] == status
    assert (row["completed_at"] is not None) is is_complete
    settled = await count(admin, "webhook_items", "settled_at is not null")
    assert settled == sum(disposition is not None for disposition in dispositions)


async def test_storing_the_same_delivery_again_changes_nothing(
    ingest_db: Database, admin: Admin
) -> None:
    org = await an_org(ingest_db)
    await a_source(ingest_db, org.org_id)
    old = a_webhook(an_item(), an_item(page="999"))
    await receive(ingest_db, old)
    new = a_webhook(an_item(external_id="2"))
    await receive(ingest_db, old, new)
    assert await count(admin, "webhook_deliveries") == 2
    assert await count(admin, "webhook_delivery_log") == 2
    assert await count(admin, "webhook_items") == 2
    assert await count(admin, "webhook_orphans") == 1
    assert await books(ingest_db) == {}


async def test_a_webhook_of_a_thousand_items_is_one_commit(
    ingest_db: Database, admin: Admin
) -> None:
    org = await an_org(ingest_db)
    await a_source(ingest_db, org.org_id)
    await receive(ingest_db, a_webhook(*[an_item(external_id=str(n)) for n in range(1_000)]))
    assert await count(admin, "webhook_items") == 1_000
    assert await admin.fetchval("select item_count from ingest.webhook_delivery_log") == 1_000


async def test_no_second_item_of_a_place_in_a_webhook_can_be_written(
    ingest_db: Database, admin: Admin
) -> None:
    org = await an_org(ingest_db)
    await a_source(ingest_db, org.org_id)
    await receive(ingest_db, a_webhook(an_item()))
    with pytest.raises(asyncpg.UniqueViolationError, match="delivery_id_ordinal"):
        await admin.execute(
            "insert into ingest.webhook_items select (jsonb_populate_record(i,"
            " jsonb_build_object('item_id', gen_random_uuid()))).* from ingest.webhook_items i"
        )


async def test_many_webhooks_stored_at_once_are_all_there(
    ingest_db: Database, admin: Admin
) -> None:
    org = await an_org(ingest_db)
    await a_source(ingest_db, org.org_id)
    batches = [[a_webhook(an_item(external_id=f"{n} {m}")) for m in range(10)] for n in range(20)]
    await asyncio.gather(*[receive(ingest_db, *batch) for batch in batches])
    assert await count(admin, "webhook_deliveries") == 200
    assert await count(admin, "webhook_items", f"kind = '{LEADGEN}'") == 200
    assert await books(ingest_db) == {}


async def test_a_source_created_meanwhile_takes_no_item_twice(
    ingest_db: Database, admin: Admin, database_url: str
) -> None:
    """The directory is read once for each webhook: an item that was an orphan stays one."""
    org = await an_org(ingest_db)
    await a_source(ingest_db, org.org_id)
    # Holds the function between its orphans and its items.
    blocker = admin.transaction()
    await blocker.start()
    await admin.execute("lock table ingest.webhook_delivery_log in access exclusive mode")
    storing = asyncio.create_task(
        receive(ingest_db, a_webhook(an_item(), an_item(page=OTHER_PAGE)))
    )
    observer = await asyncpg.connect(database_url)
    while not await observer.fetchval(
        "select count(*) from pg_locks l join pg_class c on c.oid = l.relation"
        " where not l.granted and c.relname = 'webhook_delivery_log'"
    ):
        continue
    await observer.execute(
        "insert into ingest.source_directory select 'meta_page', $1, org_id, source_id"
        " from ingest.sources where kind = 'meta_page'",
        OTHER_PAGE,
    )
    await observer.close()
    await blocker.rollback()
    await storing
    assert await books(ingest_db) == {}
    assert await count(admin, "webhook_orphans") == 1
    assert await count(admin, "webhook_items") == 1
